// The ViT against open_clip, DINOv2 and timm: features and the gradient of every weight (golden/make_vit.py).
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { tf } from "guie/dist/engine/native/tf";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { mostParts } from "guie/dist/model/block";
import { resamplePositions } from "guie/dist/model/position_embedding";
import type { Tower } from "guie/dist/model/tower";
import { freshTower } from "guie/dist/model/tower_weights";
import { findTower, patchGrid } from "guie/dist/model/towers";
import { vitFeatures, type Weights } from "guie/dist/model/vit";
import { toTensors } from "guie/dist/model/weight_source";
import { smallTower } from "../small_towers";
import { largestDifference, randomTensor } from "../tensors";

const TINY = findTower("tiny");

const CLIP = smallTower("ViT-B-32");
const QUICK = smallTower("ViT-B-32-quickgelu");
const DINOV2 = smallTower("dinov2-vit-b-14");
const REGISTERS = smallTower("dinov2-vit-s-14-reg4");
const SWIGLU = smallTower("dinov2-vit-g-14");
const SIGLIP = smallTower("ViT-B-16-SigLIP");

type Golden = (name: string) => tf.Tensor;

/** Runs `check` with a reader of the golden file's tensors, then frees all tensors. */
function withGolden(check: (golden: Golden, names: string[]) => void): void {
  const file = openSafetensors(installPath(join("test", "golden", "vit.safetensors")));
  tf.tidy(() =>
    check((name) => tf.tensor(file.read(name), file.tensors.get(name)!.shape), [...file.tensors.keys()]),
  );
  file.close();
}

/** Reads a kind's weights for the images' size, without `proj`. */
function goldenWeights(golden: Golden, names: string[], kind: string, tower: Tower, sizePx = 28): Weights {
  const prefix = `${kind}/weights/`;
  const own = names.filter((name) => name.startsWith(prefix) && !name.endsWith("/proj"));
  const weights = Object.fromEntries(own.map((name) => [name.slice(prefix.length), golden(name)]));
  const trained = weights.positional_embedding!;
  const positions = resamplePositions(trained.dataSync() as Float32Array, tower, patchGrid(tower, sizePx));
  weights.positional_embedding = tf.tensor(positions, [positions.length / tower.width, tower.width]);
  return weights;
}

/** Returns the largest difference, relative to the largest expected value. */
function relativeDifference(value: tf.Tensor, expected: tf.Tensor): number {
  return largestDifference(value, expected) / tf.max(tf.abs(expected)).dataSync()[0]!;
}

interface Kind {
  kind: string;
  tower: Tower;
  weightsOf?: string;
  sizePx?: number;
  projection?: boolean;
}

const KINDS: Kind[] = [
  { kind: "gelu", tower: CLIP },
  { kind: "quick_gelu", tower: QUICK, weightsOf: "gelu" },
  { kind: "average", tower: { ...CLIP, pooling: "average" }, weightsOf: "gelu" },
  { kind: "projection", tower: CLIP, weightsOf: "gelu", projection: true },
  { kind: "gelu_21", tower: CLIP, weightsOf: "gelu", sizePx: 21 },
  { kind: "gelu_35", tower: CLIP, weightsOf: "gelu", sizePx: 35 },
  { kind: "dinov2", tower: DINOV2 },
  { kind: "registers", tower: REGISTERS },
  { kind: "swiglu", tower: SWIGLU },
  { kind: "siglip", tower: SIGLIP },
];

for (const { kind, tower, weightsOf = kind, sizePx = 28, projection = false } of KINDS) {
  test(`${kind}: features and all gradients equal those of the family's own library`, () => {
    withGolden((golden, names) => {
      const weights = goldenWeights(golden, names, weightsOf, tower, sizePx);
      if (projection) weights.proj = golden(`${weightsOf}/weights/proj`);
      const images = golden(sizePx === 28 ? "images" : `images_${sizePx}`) as tf.Tensor4D;
      const options = projection ? { projection } : { lastBlocks: 2 };
      const features = (w: Weights) => vitFeatures(w, images, tower, options);
      const expected = golden(`${kind}/features`) as tf.Tensor2D;
      assert.ok(relativeDifference(features(weights), expected) < 1e-5);

      const slope = tf.slice(golden("slope") as tf.Tensor2D, [0, 0], expected.shape);
      const weightNames = Object.keys(weights);
      const loss = (...values: tf.Tensor[]) =>
        tf.sum(
          tf.mul(features(Object.fromEntries(values.map((value, i) => [weightNames[i], value]))), slope),
        );
      const gradients = tf.grads(loss)(Object.values(weights));
      assert.deepEqual(
        [...weightNames].sort(),
        names
          .filter((name) => name.startsWith(`${kind}/gradients/`))
          .map((name) => name.slice(`${kind}/gradients/`.length))
          .sort(),
      );
      weightNames.forEach((name, i) => {
        const expected = golden(`${kind}/gradients/${name}`);
        assert.ok(relativeDifference(gradients[i]!, expected) < 1e-4, name);
      });
    });
  });
}
for (const { kind, tower, sizePx } of [DINOV2, REGISTERS, SWIGLU, SIGLIP].flatMap((tower, i) =>
  [21, 35].map((sizePx) => ({ kind: ["dinov2", "registers", "swiglu", "siglip"][i]!, tower, sizePx })),
)) {
  test(`${kind} at ${sizePx} px: features equal those of the family's own library`, () => {
    withGolden((golden, names) => {
      const weights = goldenWeights(golden, names, kind, tower, sizePx);
      const features = vitFeatures(weights, golden(`images_${sizePx}`) as tf.Tensor4D, tower, {
        lastBlocks: 2,
      });
      assert.ok(relativeDifference(features, golden(`${kind}_${sizePx}/features`)) < 1e-5);
    });
  });
}

test("features of the last n blocks are concatenated in the order of the blocks", () => {
  withGolden((golden, names) => {
    const weights = goldenWeights(golden, names, "clip", TINY);
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

test("blocks in parts give the same features as whole blocks, in every family", () => {
  const cases = [
    { tower: CLIP, parts: 2 },
    { tower: { ...REGISTERS, heads: 4 }, parts: 4 },
    { tower: SWIGLU, parts: 2 },
    { tower: SIGLIP, parts: 2, patchPooling: "mean" as const },
  ];
  for (const { tower, ...options } of cases) {
    tf.tidy(() => {
      const weights = toTensors(freshTower(tower, randomStream(1, "weights")));
      const side = tower.imageSizePx;
      const images = randomTensor(randomStream(1, "images"), [2, side, side, 3]) as tf.Tensor4D;
      const whole = vitFeatures(weights, images, tower, { ...options, parts: 1 });
      const inParts = vitFeatures(weights, images, tower, options);
      assert.ok(largestDifference(whole, inParts) > 0, `${tower.name} was not split`);
      assert.ok(largestDifference(whole, inParts) < 1e-5, tower.name);
    });
  }
});

test("the number of parts divides the number of heads and of the MLP's hidden units", () => {
  const parts = (name: string, wanted: number) => mostParts(findTower(name), wanted);
  assert.deepEqual(
    [1, 2, 5, 8, 64].map((wanted) => parts("ViT-B-32", wanted)),
    [1, 2, 4, 6, 12],
  );
  assert.deepEqual(
    [2, 8].map((wanted) => parts("dinov2-vit-s-14", wanted)),
    [2, 6],
  );
  // 24 heads, 4,096 hidden units
  assert.deepEqual(
    [3, 64].map((wanted) => parts("dinov2-vit-g-14", wanted)),
    [2, 8],
  );
});

test("pixels after the last whole patch are dropped, only at the tower's own image size", () => {
  tf.tidy(() => {
    // Like SigLIP's 384 px in patches of 14; here 30 px in patches of 7.
    const tower = { ...SIGLIP, imageSizePx: 30 };
    const weights = toTensors(freshTower(tower, randomStream(1, "weights")));
    const images = randomTensor(randomStream(1, "images"), [2, 30, 30, 3]) as tf.Tensor4D;
    const whole = tf.slice(images, [0, 0, 0, 0], [2, 28, 28, 3]);
    const difference = largestDifference(
      vitFeatures(weights, images, tower),
      vitFeatures(weights, whole, tower),
    );
    assert.equal(difference, 0);
    assert.throws(() => vitFeatures(weights, images, SIGLIP), /multiple of 7 px, got 30 px/);
  });
});

test("features and gradients leak no tensors", () => {
  const weights = toTensors(freshTower(REGISTERS, randomStream(1, "weights")));
  const images = randomTensor(randomStream(1, "images"), [2, 28, 28, 3]) as tf.Tensor4D;
  const values = Object.values(weights).map((weight) => tf.variable(weight));
  const variables: Weights = Object.fromEntries(Object.keys(weights).map((name, i) => [name, values[i]!]));
  const before = tf.memory().numTensors;
  const { value, grads } = tf.variableGrads(() =>
    tf.sum(tf.square(vitFeatures(variables, images, REGISTERS))),
  );
  assert.equal(Object.keys(grads).length, values.length);
  tf.dispose([value, grads]);
  vitFeatures(variables, images, REGISTERS).dispose();
  assert.equal(tf.memory().numTensors, before);
  tf.dispose([weights, images, values]);
});

test("images and settings that do not fit the tower are refused", () => {
  tf.tidy(() => {
    const weights = toTensors(freshTower(TINY, randomStream(1, "weights")));
    const features = (height: number, width: number, lastBlocks: number) => () =>
      vitFeatures(weights, tf.zeros([1, height, width, 3]), TINY, { lastBlocks });
    assert.throws(features(30, 28, 1), /multiple of 7 px, got 30 px[\s\S]*28 or 35/);
    assert.throws(features(14, 14, 1), /14 x 14 px make 5 tokens, but the weights were loaded for 17/);
    assert.throws(features(28, 28, 3), /2 blocks, got lastBlocks = 3/);
    const behind = (tower: Tower) => () =>
      vitFeatures(weights, tf.zeros([1, 28, 28, 3]), tower, { projection: true });
    assert.throws(behind(TINY), /no "proj"[\s\S]*this tower has none/);
    assert.throws(behind({ ...TINY, projectionWidth: 4 }), /no "proj"[\s\S]*\{ projection: true \}/);
  });
});

test("the patches' mean follows the class tokens, and equals the feature of a tower with average pooling", () => {
  tf.tidy(() => {
    const images = randomTensor(randomStream(3, "images"), [2, 28, 28, 3]) as tf.Tensor4D;
    const weights = toTensors(freshTower(REGISTERS, randomStream(1, "weights"), 28));
    const both = vitFeatures(weights, images, REGISTERS, { lastBlocks: 2, patchPooling: "mean" });
    const D = REGISTERS.width;
    assert.deepEqual(both.shape, [2, 3 * D]);
    const classes = vitFeatures(weights, images, REGISTERS, { lastBlocks: 2 });
    const mean = vitFeatures(weights, images, { ...REGISTERS, pooling: "average" });
    assert.ok(largestDifference(tf.slice(both, [0, 0], [2, 2 * D]), classes) < 1e-5);
    assert.ok(largestDifference(tf.slice(both, [0, 2 * D], [2, D]), mean) < 1e-5);
    tf.dispose(weights);
  });
});
