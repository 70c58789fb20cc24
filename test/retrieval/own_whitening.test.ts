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

/** Returns the variance of each direction. */
function variancesOf(vectors: Vectors): number[] {
  return Array.from({ length: vectors.length }, (_, d) => {
    const squares = Array.from({ length: vectors.count }, (_, row) => rowOf(vectors, row)[d]! ** 2);
    return squares.reduce((sum, square) => sum + square, 0) / (vectors.count - 1);
  });
}

test("a direction that dominates no longer does, and queries get the same map as the rows", async () => {
  const rows = randomRows(600);
  const { vectors, whitening } = await whitenByThemselves(rows);
  const spread = (of: Vectors) => Math.max(...variancesOf(of)) / Math.min(...variancesOf(of));
  assert.ok(spread(rows) > 80 && spread(vectors) < 20, `${spread(rows)} to ${spread(vectors)}`);
  const query = { ...rows, data: rows.data.slice(0, 12), count: 1 };
  const gaps = reduceRows(query, whitening!).data.map((value, i) => Math.abs(value - vectors.data[i]!));
  assert.ok(Math.max(...gaps) < 1e-5, `${gaps}`);
});

test("too few rows, and rows that do not vary, are left as they are", async () => {
  for (const rows of [randomRows(10), randomRows(200, 1)]) {
    const { vectors, whitening } = await whitenByThemselves(rows);
    assert.deepEqual([vectors, whitening], [rows, undefined]);
  }
});
