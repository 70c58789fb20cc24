// Losses of pairs against pytorch-metric-learning (golden/make_training.py), by hand, and over several processes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { DEFAULTS, overrideConfig } from "guie/dist/config/config";
import type { PairLossSettings } from "guie/dist/config/loss";
import { tiny } from "guie/dist/config/presets";
import { tf } from "guie/dist/engine/native/tf";
import { l2Normalize } from "guie/dist/model/arcface";
import { pairLoss } from "guie/dist/model/pair_loss";
import { runRanks } from "../engine/ranks";
import { gradientsOf, PAIRS } from "./pair_case";

interface PairCase extends PairLossSettings {
  labels: number[];
  embeddings: number[][];
  value: number;
  gradient: number[][];
  /** Pairs that the miner has kept, of one class and of different ones. */
  mined: [number, number] | null;
}

const golden = JSON.parse(readFileSync(join(installPath(), "test/golden/training.json"), "utf8")) as {
  pairs: PairCase[];
};

for (const row of golden.pairs) {
  const { labels, embeddings, value, gradient, mined, ...settings } = row;
  test(`${JSON.stringify(settings)}: loss and gradients equal pytorch-metric-learning's`, () =>
    tf.tidy(() => {
      if (mined) assert.ok(mined[0] < 24 && mined[1] < 66, `the miner leaves pairs out: ${mined}`);
      const lossOf = (x: tf.Tensor) =>
        pairLoss(l2Normalize(x as tf.Tensor2D), tf.tensor1d(labels, "int32"), row);
      const ours = tf.valueAndGrad(lossOf)(tf.tensor2d(embeddings));
      assert.ok(Math.abs(ours.value.dataSync()[0]! / value - 1) < 1e-5);
      const largest = Math.max(...gradient.flat().map(Math.abs));
      for (const [i, expected] of gradient.flat().entries())
        assert.ok(Math.abs(ours.grad.dataSync()[i]! - expected) < 1e-5 * largest, `gradient ${i}`);
    }));
}

/** Two images of a class at one place, two of another class opposite. */
const UNITS = [
  [1, 0],
  [1, 0],
  [-1, 0],
  [-1, 0],
];

test("by hand: images of a class at one place, the other class opposite", () => {
  const settings = { ...DEFAULTS, pairTemperature: 1 };
  const lossBy = (pair: PairLossSettings["pairLoss"], labels: number[]) =>
    tf.tidy(
      () =>
        pairLoss(tf.tensor2d(UNITS), tf.tensor1d(labels, "int32"), {
          ...settings,
          pairLoss: pair,
        }).dataSync()[0]!,
    );
  const close = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) < 1e-6, `${actual}, not ${expected}`);
  const [near, far] = [Math.E, Math.exp(-1)];
  close(lossBy("SupCon", [0, 0, 1, 1]), Math.log((near + 2 * far) / near));
  close(lossBy("SupCon", [0, 1, 0, 1]), Math.log((near + 2 * far) / far));
  // The only pair is the first two; the other images have none, and no part in the mean
  close(lossBy("SupCon", [0, 0, 1, 2]), Math.log((near + 2 * far) / near));
  close(lossBy("SupCon", [0, 1, 2, 3]), 0);
  // A pair of one class at cosine -1; two of other classes, at 1 and at -1
  const [own, other] = [Math.exp(-2 * (-1 - 0.5)), Math.exp(50 * (1 - 0.5)) + Math.exp(50 * (-1 - 0.5))];
  close(lossBy("MultiSimilarity", [0, 1, 0, 1]), Math.log(1 + own) / 2 + Math.log(1 + other) / 50);
});

test("mining: at an epsilon of 0.1 a class that is far from the others has no loss", () =>
  tf.tidy(() => {
    const settings = { ...DEFAULTS, pairLoss: "MultiSimilarity" as const };
    const labels = tf.tensor1d([0, 0, 1, 1], "int32");
    assert.equal(pairLoss(tf.tensor2d(UNITS), labels, settings).dataSync()[0], 0);
  }));

for (const pair of ["SupCon", "MultiSimilarity"] as const) {
  test(`${pair} of three processes: value, and gradient of a shared layer, equal those of one`, async () => {
    const ranks = await runRanks(join(__dirname, "pair_rank.js"), 3, { pairLoss: pair });
    const expected = gradientsOf(PAIRS, pair);
    const largest = Math.max(...expected.linear.map(Math.abs));
    for (const { loss, linear } of ranks) {
      assert.ok(Math.abs(loss / expected.loss - 1) < 1e-6, `${loss}, not ${expected.loss}`);
      for (const [i, value] of expected.linear.entries())
        assert.ok(Math.abs(linear[i] - value) < 1e-5 * largest, `${i}: ${linear[i]}, not ${value}`);
    }
  });
}

test("a pair loss without pairs in its steps is refused, and the message says what to set", () => {
  const pairs = { pairLoss: "SupCon", sampler: "m_per_class", samplesPerClass: 4 } as const;
  assert.equal(overrideConfig(tiny(), pairs).pairLoss, "SupCon");
  for (const sampler of ["shuffle", "class_balanced"] as const)
    assert.throws(() => overrideConfig(tiny(), { ...pairs, sampler }), /set sampler to m_per_class/);
  assert.throws(
    () => overrideConfig(tiny(), { ...pairs, samplesPerClass: 1 }),
    /samplesPerClass to 2 or more/,
  );
  assert.throws(
    () => overrideConfig(tiny(), { ...pairs, accumulationSteps: 2 }),
    /set accumulationSteps to 1/,
  );
});
