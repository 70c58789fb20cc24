// Patch dropout: which patches a training step computes, and that it computes no others.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { tiny } from "guie/dist/config/presets";
import { tf } from "guie/dist/engine/native/tf";
import { drawPatches, patchCounts } from "guie/dist/model/patch_dropout";
import { freshTower } from "guie/dist/model/tower_weights";
import { findTower, prefixTokens } from "guie/dist/model/towers";
import { vitFeatures } from "guie/dist/model/vit";
import { toTensors } from "guie/dist/model/weight_source";
import { feedOf } from "guie/dist/training/loop/step_feed";
import { smallTower } from "../small_towers";
import { largestDifference, randomTensor } from "../tensors";

const TOWERS = [
  findTower("tiny"),
  smallTower("dinov2-vit-s-14-reg4"),
  smallTower("ViT-B-16-SigLIP"),
  { ...smallTower("ViT-B-32"), pooling: "average" as const },
];

/** Makes weights and three images of 4 x 4 patches. */
function caseOf(tower: (typeof TOWERS)[number]) {
  const sizePx = 4 * tower.patchSizePx;
  const weights = toTensors(freshTower(tower, randomStream(1, "tower"), sizePx));
  const images = randomTensor(randomStream(1, "images"), [3, sizePx, sizePx, 3]) as tf.Tensor4D;
  return { weights, images, sizePx };
}

test("counts are open_clip's: whole patches, at least one; 0 leaves all", () => {
  assert.equal(patchCounts(64, { patchDropout: 0 }), undefined);
  assert.deepEqual(patchCounts(64, { patchDropout: 0.5 }), { all: 64, kept: 32 });
  assert.deepEqual(patchCounts(49, { patchDropout: 0.75 }), { all: 49, kept: 12 }, "int(49 x 0.25)");
  assert.deepEqual(patchCounts(4, { patchDropout: 0.9 }), { all: 4, kept: 1 });
});

test("a draw has different patches, in their order; every patch is drawn equally often", () => {
  const counts = { all: 10, kept: 3 };
  const times = new Array<number>(10).fill(0);
  const draws = 3000;
  for (let i = 0; i < draws; i++) {
    const drawn = [...drawPatches(counts, randomStream(5, "patches", 1, i))];
    assert.deepEqual(
      drawn,
      [...new Set(drawn)].sort((a, b) => a - b),
    );
    assert.equal(drawn.length, 3);
    for (const patch of drawn) times[patch]!++;
  }
  // Binomial with p = 0.3: five standard deviations are 125
  for (const [patch, count] of times.entries()) assert.ok(Math.abs(count - 900) < 125, `${patch}: ${count}`);
});

test("an image's patches depend on its place in the step, not on the processes or pieces", () => {
  const batch = { inputs: new Float32Array(4), labels: new Int32Array(4), files: [], shape: [4, 1] };
  const patchesBy = (rank: number, worldSize: number, batchSize: number, accumulationSteps: number) =>
    feedOf({ ...batch, labels: new Int32Array(batchSize) }, 7, 0, {
      config: { ...tiny(), patchDropout: 0.5, batchSize, accumulationSteps },
      featureCount: 1,
      patches: { all: 16, kept: 8 },
      shard: { rank, worldSize },
      shardClasses: 0,
    }).patches!;
  const whole = patchesBy(0, 1, 4, 1);
  assert.equal(whole.length, 4 * 8);
  assert.deepEqual(patchesBy(0, 1, 4, 2), whole, "in two pieces");
  const byRank = [0, 1].map((rank) => patchesBy(rank, 2, 2, 1));
  const rows = (all: Int32Array) =>
    [...Array(all.length / 8).keys()].map((i) => [...all.subarray(8 * i, 8 * i + 8)]);
  assert.deepEqual(
    new Set(byRank.flatMap(rows).map(String)),
    new Set(rows(whole).map(String)),
    "by two processes",
  );
});

for (const tower of TOWERS) {
  test(`${tower.name}, ${tower.pooling}: all patches in another order give the whole image's features`, () => {
    tf.tidy(() => {
      const { weights, images } = caseOf(tower);
      const order = randomStream(2).shuffle([...Array(16).keys()]);
      const patches = tf.tensor2d([order, order, order], undefined, "int32");
      const [whole, chosen] = [{}, { patches }].map((options) =>
        vitFeatures(weights, images, tower, options),
      );
      const largest = tf.max(tf.abs(whole!)).dataSync()[0]!;
      assert.ok(largestDifference(chosen!, whole!) < 1e-5 * largest);
    });
  });

  test(`${tower.name}, ${tower.pooling}: pixels and positions of left-out patches have no effect`, () => {
    tf.tidy(() => {
      const { weights, images, sizePx } = caseOf(tower);
      const kept = [0, 5, 6, 15];
      const patches = tf.tensor2d([kept, kept, kept], undefined, "int32");
      const side = tower.patchSizePx;
      /** 1 in the patches that are kept, otherwise 0. */
      const mask = tf.tensor4d(
        Float32Array.from({ length: sizePx * sizePx }, (_, pixel) => {
          const [y, x] = [Math.floor(pixel / sizePx), pixel % sizePx];
          return kept.includes(4 * Math.floor(y / side) + Math.floor(x / side)) ? 1 : 0;
        }),
        [1, sizePx, sizePx, 1],
      );
      const featuresOf = (pixels: tf.Tensor4D) => vitFeatures(weights, pixels, tower, { patches });
      const plain = featuresOf(images);
      assert.equal(largestDifference(featuresOf(tf.mul(images, mask)), plain), 0, "black patches elsewhere");
      assert.ok(
        largestDifference(featuresOf(tf.mul(images, tf.sub(1, mask))), plain) > 0,
        "the kept ones count",
      );
      const positions = weights.positional_embedding as tf.Tensor2D;
      const gradient = tf.grad((positional_embedding: tf.Tensor) =>
        tf.sum(tf.square(vitFeatures({ ...weights, positional_embedding }, images, tower, { patches }))),
      )(positions);
      const before = positions.shape[0] - 16;
      assert.equal(before, tower.classToken ? 1 : 0, `${prefixTokens(tower)} tokens before the patches`);
      const sizes = tf.sum(tf.abs(gradient), 1).dataSync();
      for (const [row, size] of sizes.entries())
        assert.equal(size > 0, row < before || kept.includes(row - before), `row ${row}: ${size}`);
    });
  });
}
