// The whitened start of a neck: principal directions with shrinkage, filled up by random ones, and the classes' means.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { rowOf } from "guie/dist/common/vectors";
import { tf } from "guie/dist/engine/native/tf";
import { startWhitened, whiteningNeck } from "guie/dist/training/whitened_start";

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);

/** Rows of variance 100, 4 and 1 along the axes. */
function drawRows(count: number) {
  const random = randomStream(1, "rows");
  const data = Float32Array.from({ length: 3 * count }, (_, i) => 5 + random.normal() * [10, 2, 1][i % 3]!);
  return { data, count, length: 3 };
}

test("each principal direction is divided by the root of its variance and twice the mean variance", async () => {
  const { weight, bias } = await whiteningNeck(drawRows(4000), 2, 1);
  const matrix = { data: weight, length: 3 };
  const lengths = [0, 1].map((d) => Math.hypot(...rowOf(matrix, d)));
  for (const [d, variance] of [100, 4].entries()) {
    const expected = 1 / Math.sqrt(variance + (2 * 105) / 3);
    assert.ok(Math.abs(lengths[d]! / expected - 1) < 0.05, `${lengths[d]} against ${expected}`);
    assert.ok(Math.abs(dot(rowOf(matrix, d), [5, 5, 5]) + bias[d]!) < 0.1, "the mean goes to 0");
  }
});

test("with few rows random directions at right angles to the principal ones fill the embedding", async () => {
  const random = randomStream(2, "few rows");
  const rows = { data: Float32Array.from({ length: 3 * 20 }, () => random.normal()), count: 3, length: 20 };
  const { weight } = await whiteningNeck(rows, 8, 1);
  const matrix = { data: weight, length: 20 };
  for (let d = 2; d < 8; d++) {
    assert.ok(Math.hypot(...rowOf(matrix, d)) > 0);
    for (const principal of [0, 1]) {
      const product = dot(rowOf(matrix, d), rowOf(matrix, principal));
      assert.ok(Math.abs(product) < 1e-5, `${d} and ${principal}: ${product}`);
    }
  }
  assert.deepEqual((await whiteningNeck(rows, 8, 1)).weight, weight, "the seed decides");
  assert.notDeepEqual((await whiteningNeck(rows, 8, 2)).weight, weight);
});

test("the head's rows are the unit means of the classes' embeddings; several rows per class stay random", async () => {
  const features = { data: Float32Array.of(1, 0, 0.9, 0.1, -1, 0.2, -0.9, -0.3), count: 4, length: 2 };
  const weightsOf = (rows: number) => ({
    "neck.weight": tf.zeros([2, 2]) as tf.Tensor,
    "neck.bias": tf.zeros([2]) as tf.Tensor,
    "head.weight": tf.fill([rows, 2], 7) as tf.Tensor,
  });
  const weights = weightsOf(2);
  await startWhitened(weights, features, [0, 0, 1, 1], 1);
  const head = { data: weights["head.weight"].dataSync() as Float32Array, length: 2 };
  for (const row of [0, 1]) assert.ok(Math.abs(Math.hypot(...rowOf(head, row)) - 1) < 1e-6);
  assert.ok(dot(rowOf(head, 0), rowOf(head, 1)) < -0.9);
  const several = weightsOf(4);
  await startWhitened(several, features, [0, 0, 1, 1], 1);
  assert.ok(several["head.weight"].dataSync().every((value) => value === 7));
  tf.dispose([weights, several]);
});
