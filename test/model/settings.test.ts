// Settings of the model, compared with PyTorch; golden/make_model.py makes golden/model.json (command in its head).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { tf } from "guie/dist/engine/native/tf";
import { generalisedMean } from "guie/dist/model/pooling";
import { freshTower } from "guie/dist/model/tower_weights";
import { vitFeatures } from "guie/dist/model/vit";
import { toTensors } from "guie/dist/model/weight_source";
import { smallTower } from "../small_towers";
import { largestDifference, randomTensor } from "../tensors";

interface GemCase {
  power: number;
  /** [B, n, D]. */
  tokens: number[][][];
  /** [B, D]. */
  pooled: number[][];
  /** The loss is the sum of `pooled` times this. */
  direction: number[][];
  gradient: number[][][];
}

const golden = JSON.parse(readFileSync(join(installPath(), "test/golden/model.json"), "utf8")) as {
  gem: GemCase[];
};

test("GeM: value and gradient equal PyTorch's, for negative tokens and powers that are no whole numbers", () => {
  for (const { power, tokens, pooled, direction, gradient } of golden.gem) {
    assert.ok(tokens.flat(2).some((value) => value < 0));
    tf.tidy(() => {
      const of = (x: tf.Tensor) => tf.sum(tf.mul(generalisedMean(x, power), tf.tensor2d(direction)));
      const x = tf.tensor3d(tokens);
      assert.ok(largestDifference(generalisedMean(x, power), tf.tensor2d(pooled)) < 1e-6, String(power));
      assert.ok(largestDifference(tf.grad(of)(x), tf.tensor3d(gradient)) < 1e-5, String(power));
    });
  }
});

test("GeM of patches follows the class tokens; on positive tokens power 1 is the mean, a large one the maximum", () => {
  const tower = smallTower("dinov2-vit-s-14-reg4");
  const D = tower.width;
  tf.tidy(() => {
    const images = randomTensor(randomStream(3, "images"), [2, 28, 28, 3]) as tf.Tensor4D;
    const weights = toTensors(freshTower(tower, randomStream(1, "weights"), 28));
    weights["ln_post.bias"] = tf.fill([D], 8); // so that all tokens are positive
    const pooled = (patchPooling: "mean" | "gem", gemPower?: number) => {
      const features = vitFeatures(weights, images, tower, { lastBlocks: 2, patchPooling, gemPower });
      assert.deepEqual(features.shape, [2, 3 * D]);
      const classes = vitFeatures(weights, images, tower, { lastBlocks: 2 });
      assert.ok(largestDifference(tf.slice(features, [0, 0], [2, 2 * D]), classes) < 1e-5);
      return tf.slice(features, [0, 2 * D], [2, D]);
    };
    const [mean, one, three, thirty] = [pooled("mean"), ...[1, 3, 30].map((power) => pooled("gem", power))];
    assert.ok(largestDifference(one!, mean!) < 1e-5);
    assert.ok(tf.min(tf.sub(three!, one!)).dataSync()[0]! > 0);
    assert.ok(tf.min(tf.sub(thirty!, three!)).dataSync()[0]! > 0);
    assert.ok(largestDifference(pooled("gem"), three!) === 0, "the default power is 3");
  });
});
