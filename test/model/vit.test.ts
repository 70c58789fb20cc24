// The ViT against PyTorch: features and the gradient of every weight (golden/make_vit.py).
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openSafetensors } from "guie/dist/checkpoints/safetensors";
import { projectPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { freshTower } from "guie/dist/model/tower_weights";
import { findTower, type Tower } from "guie/dist/model/towers";
import { vitFeatures, type Weights } from "guie/dist/model/vit";
import { toTensors } from "guie/dist/model/weight_source";
import { tf } from "guie/dist/tensorflow/tf";
import { largestDifference, randomTensor } from "../tensors";

const TINY = findTower("tiny");
const TINY_DINOV2: Tower = {
  ...TINY,
  layerNormEpsilon: 1e-6,
  lnPre: false,
  patchBias: true,
  layerScale: true,
};

type Golden = (name: string) => tf.Tensor;

/** Runs `check` with a reader of the golden file's tensors; all tensors are freed behind it. */
function withGolden(check: (golden: Golden, names: string[]) => void): void {
  const file = openSafetensors(projectPath(join("test", "golden", "vit.safetensors")));
  tf.tidy(() =>
    check((name) => tf.tensor(file.read(name), file.tensors.get(name)!.shape), [...file.tensors.keys()]),
  );
  file.close();
}

function goldenWeights(golden: Golden, names: string[], kind: string): Weights {
  const prefix = `${kind}/weights/`;
  const own = names.filter((name) => name.startsWith(prefix));
  return Object.fromEntries(own.map((name) => [name.slice(prefix.length), golden(name)]));
}

for (const { kind, tower, weightsOf = kind } of [
  { kind: "clip", tower: TINY },
  { kind: "quick_gelu", tower: { ...TINY, activation: "quickGelu" as const }, weightsOf: "clip" },
  { kind: "dinov2", tower: TINY_DINOV2 },
]) {
  test(`a ${kind} tower: features and all gradients equal PyTorch's`, () => {
    withGolden((golden, names) => {
      const weights = goldenWeights(golden, names, weightsOf);
      const images = golden("images") as tf.Tensor4D;
      const features = (w: Weights) => vitFeatures(w, images, tower, { lastBlocks: 2 });
      assert.ok(largestDifference(features(weights), golden(`${kind}/features`)) < 1e-5);

      const weightNames = Object.keys(weights);
      const loss = (...values: tf.Tensor[]) =>
        tf.sum(
          tf.mul(
            features(Object.fromEntries(values.map((value, i) => [weightNames[i], value]))),
            golden("slope"),
          ),
        );
      const gradients = tf.grads(loss)(Object.values(weights));
      weightNames.forEach((name, i) => {
        const expected = golden(`${kind}/gradients/${name}`);
        // The key's bias does not change attention at all: its gradient is nothing but rounding.
        const scale = Math.max(1, tf.max(tf.abs(expected)).dataSync()[0]!);
        assert.ok(largestDifference(gradients[i]!, expected) < 1e-4 * scale, name);
      });
    });
  });
}

test("the last n blocks stand side by side, oldest first", () => {
  withGolden((golden, names) => {
    const weights = goldenWeights(golden, names, "clip");
    const images = golden("images") as tf.Tensor4D;
    const both = golden("clip/features") as tf.Tensor2D;
    const last = vitFeatures(weights, images, TINY);
    assert.deepEqual(last.shape, [2, TINY.width]);
    assert.ok(largestDifference(last, tf.slice(both, [0, TINY.width], [2, TINY.width])) < 1e-5);
  });
});

test("features do not depend on the other images of the batch", () => {
  tf.tidy(() => {
    const weights = toTensors(freshTower(TINY, randomStream(1, "weights")));
    const images = randomTensor(randomStream(1, "images"), [3, 28, 28, 3]) as tf.Tensor4D;
    const all = vitFeatures(weights, images, TINY);
    const second = vitFeatures(weights, tf.slice(images, [1, 0, 0, 0], [1, 28, 28, 3]), TINY);
    assert.ok(largestDifference(tf.slice(all, [1, 0], [1, TINY.width]), second) < 1e-5);
  });
});

test("features and gradients leave no tensor behind", () => {
  const weights = toTensors(freshTower(TINY_DINOV2, randomStream(1, "weights")));
  const images = randomTensor(randomStream(1, "images"), [2, 28, 28, 3]) as tf.Tensor4D;
  const values = Object.values(weights).map((weight) => tf.variable(weight));
  const variables: Weights = Object.fromEntries(Object.keys(weights).map((name, i) => [name, values[i]!]));
  const before = tf.memory().numTensors;
  const { value, grads } = tf.variableGrads(() =>
    tf.sum(tf.square(vitFeatures(variables, images, TINY_DINOV2))),
  );
  assert.equal(Object.keys(grads).length, values.length);
  tf.dispose([value, grads]);
  vitFeatures(variables, images, TINY_DINOV2).dispose();
  assert.equal(tf.memory().numTensors, before);
  tf.dispose([weights, images, values]);
});

test("images and settings that do not fit the tower are refused", () => {
  tf.tidy(() => {
    const weights = toTensors(freshTower(TINY, randomStream(1, "weights")));
    const features = (height: number, width: number, lastBlocks: number) => () =>
      vitFeatures(weights, tf.zeros([1, height, width, 3]), TINY, { lastBlocks });
    assert.throws(features(30, 28, 1), /multiple of 7 px, got 30 px[\s\S]*28 or 35/);
    assert.throws(features(14, 14, 1), /14 x 14 px make 5 tokens, the weights were loaded for 17/);
    assert.throws(features(28, 28, 3), /2 blocks, got lastBlocks = 3/);
  });
});
