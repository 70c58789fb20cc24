// Rows whitened by themselves: enough rows, too few, and rows that do not vary.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { rowOf, type Vectors } from "guie/dist/common/vectors";
import { whitenByThemselves } from "guie/dist/retrieval/own_whitening";
import { reduceRows } from "guie/dist/retrieval/reduction";

/** Returns rows of which the first number varies ten times as much as the others. */
function randomRows(count: number, distinct = count): Vectors {
  const random = randomStream(1, "rows");
  const some = Array.from({ length: distinct * 12 }, (_, i) => (i % 12 === 0 ? 10 : 1) * random.normal());
  const data = Float32Array.from({ length: count * 12 }, (_, i) => some[i % some.length]!);
  return { data, count, length: 12 };
}

test("rows get the same variance in every direction, and queries the same map", async () => {
  const rows = randomRows(200);
  const { vectors, whitening } = await whitenByThemselves(rows);
  assert.deepEqual([vectors.count, vectors.length], [200, whitening!.to]);
  for (let d = 0; d < vectors.length; d++) {
    const squares = Array.from({ length: 200 }, (_, row) => rowOf(vectors, row)[d]! ** 2);
    const variance = squares.reduce((sum, square) => sum + square, 0) / 199;
    assert.ok(Math.abs(variance - 1) < 0.02, `direction ${d}: ${variance}`);
  }
  assert.deepEqual(reduceRows(rows, whitening!), vectors);
});

test("too few rows, and copies of few rows, are left as they are", async () => {
  for (const rows of [randomRows(20), randomRows(200, 4)]) {
    const { vectors, whitening } = await whitenByThemselves(rows);
    assert.deepEqual([vectors, whitening], [rows, undefined]);
  }
});
