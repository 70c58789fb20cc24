// Standardisation of features, with numbers that can be checked by hand; neck and ladder standardise alike.
import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsIn } from "guie/dist/common/vectors";
import { tf } from "guie/dist/engine/native/tf";
import { standardisationBy, standardised } from "guie/dist/features/standardise";
import { neck } from "guie/dist/model/neck";

const TRAIN = rowsIn(Float32Array.of(1, 5, 1000, 3, 5, 1002, 5, 5, 1004), 3);

test("the given features get mean 0 and standard deviation 1; a constant feature becomes 0", () => {
  const by = standardisationBy(TRAIN);
  assert.deepEqual([...by.mean], [3, 5, 1002]);
  const scale = Math.fround(1 / Math.sqrt(8 / 3 + 1e-6));
  assert.deepEqual([...by.scale], [scale, 1000, scale]);
  const { data, count, length } = standardised(TRAIN, by);
  const edge = Math.fround(2 * scale);
  assert.deepEqual([[...data], count, length], [[-edge, 0, -edge, 0, 0, 0, edge, 0, edge], 3, 3]);
  assert.deepEqual([...TRAIN.data.slice(0, 3)], [1, 5, 1000], "the input is unchanged");
});

test("moments of features far from zero lose no precision", () => {
  const far = rowsIn(
    Float32Array.from({ length: 1000 }, (_, i) => 10_000 + (i % 2)),
    1000,
  );
  const { mean, scale } = standardisationBy(far);
  assert.equal(mean[0], 10_000.5);
  assert.ok(Math.abs(scale[0]! - 2) < 1e-5);
});

test("a neck with these weights computes the same numbers", () => {
  const by = standardisationBy(TRAIN);
  const seen = tf.tidy(() => {
    const weights = {
      "neck.feature_mean": tf.tensor1d(by.mean),
      "neck.feature_scale": tf.tensor1d(by.scale),
      "neck.weight": tf.eye(3),
      "neck.bias": tf.zeros([3]),
    };
    return neck(weights, tf.tensor2d(TRAIN.data, [3, 3])).dataSync();
  });
  for (const [i, value] of standardised(TRAIN, by).data.entries())
    assert.ok(Math.abs(value - seen[i]!) < 1e-6);
});
