// Training step by step by hand: inspection and changes between two steps.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { overrideConfig, type TrainConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { classify } from "guie/dist/embedding/embed_images";
import { firstMomentOf } from "guie/dist/model/weight_names";
import { hardestGrid, marginFigure } from "guie/dist/notebook/views/by_hand_views";
import { trainByHand } from "guie/dist/notebook/views/train_by_hand";
import { buildTraining } from "guie/dist/training/build";
import { examineImages } from "guie/dist/training/examine";
import { gradientNorms } from "guie/dist/training/loop/gradient_norms";
import type { Trainer } from "guie/dist/training/loop/trainer";
import { makeTinyData } from "./tiny_data";

let dataDir: string;
before(async () => {
  dataDir = await makeTinyData();
});
after(() => rmSync(dataDir, { recursive: true, force: true }));

const configOf = (overrides: Partial<TrainConfig> = {}) =>
  overrideConfig(tiny(), { dataDir, maxStepsPerEpoch: 2, nEpochs: 2, ...overrides });

const read = async (trainer: Trainer, name: string) =>
  (await trainer.program.read(name)).data as Float32Array;

test("gradient norms by part are those of the next step, and computing them changes nothing", async () => {
  const { trainer } = await buildTraining(configOf({ neck: "norm_single_linear" }));
  const names = [...trainer.shapes.keys()];
  const before = await read(trainer, "neck.norm.running_mean");
  const norms = await gradientNorms(trainer);
  assert.deepEqual(await read(trainer, "neck.norm.running_mean"), before);
  assert.deepEqual(
    norms.map(({ part }) => part),
    ["embed", "block00", "block01", "end", "neck", "head"].filter((part) =>
      norms.some((norm) => norm.part === part),
    ),
  );
  await trainer.step();
  // After the first step a first moment is a tenth of the gradient.
  const squares = async (prefix: string) => {
    let sum = 0;
    for (const name of names.filter((one) => one.startsWith(firstMomentOf(prefix))))
      for (const value of await read(trainer, name)) sum += (10 * value) ** 2;
    return Math.sqrt(sum);
  };
  for (const [part, prefix] of [
    ["head", "head."],
    ["neck", "neck."],
    ["block01", "visual.transformer.resblocks.1."],
  ] as const) {
    const { gradient, weight, ratio } = norms.find((norm) => norm.part === part)!;
    const expected = await squares(prefix);
    assert.ok(Math.abs(gradient / expected - 1) < 1e-4, `${part}: ${gradient} against ${expected}`);
    assert.equal(ratio, gradient / weight);
  }
  trainer.dispose();
});

test("for await takes the remaining steps, break stops; the learning rate can be changed in between", async () => {
  const { trainer } = await buildTraining(configOf());
  const rates: number[][] = [];
  for await (const { step, learningRate, backboneLearningRate } of trainer) {
    rates.push([learningRate, backboneLearningRate]);
    if (step === 1) trainer.setLearningRate(0.5, 0.25);
    if (step === 2) trainer.setLearningRate(0.125);
    if (step === 3) break;
  }
  const { initLr, backboneLrFactor } = trainer.config;
  assert.deepEqual(rates, [
    [initLr, initLr * backboneLrFactor],
    [0.5, 0.25],
    [0.125, 0.125 * backboneLrFactor],
  ]);
  trainer.setLearningRate(undefined);
  assert.ok((await trainer.step())!.learningRate < initLr, "back to the schedule");
  await assert.rejects(trainer.nextBatch(), /complete after 4 steps/);
  assert.throws(() => trainer.setLearningRate(-1), /a learning rate of 0 or more, got -1/);
  assert.throws(() => trainer.setLearningRate(Number.NaN), /got NaN/);
  trainer.dispose();
});

test("examined images have the validation's losses and hits, come hardest first, and are drawn", async () => {
  const setup = await buildTraining(configOf());
  const { trainer, data } = setup;
  const { files, labels } = data.validation;
  const examined = await examineImages(setup);
  assert.deepEqual(examined.map(({ file }) => file).sort(), [...files].sort());
  const head = await trainer.headWeights();
  const scores = await classify(head, await setup.featuresOf("validation"), labels, trainer.config);
  const mean = examined.reduce((sum, { loss }) => sum + loss, 0) / examined.length;
  assert.ok(Math.abs(mean / scores.loss - 1) < 1e-4, `${mean} against ${scores.loss}`);
  assert.equal(examined.filter(({ margin }) => margin > 0).length / files.length, scores.top1);
  for (const { label, predicted, margin } of examined) assert.equal(predicted === label, margin >= 0);
  assert.ok(examined.every(({ loss }, i) => i === 0 || examined[i - 1]!.loss >= loss));
  assert.equal((await examineImages(setup, "train", 5)).length, 5);
  const { x: from, y: bars } = marginFigure(examined).data[0] as { x: string[]; y: number[] };
  const below = bars.filter((_, bin) => Number(from[bin]) < 0).reduce((sum, count) => sum + count, 0);
  assert.equal(
    below,
    examined.filter(({ margin }) => margin < 0).length,
    "bars below 0 are the wrong images",
  );
  assert.equal(
    bars.reduce((sum, count) => sum + count, 0),
    files.length,
  );
  const drawing = JSON.stringify(await hardestGrid(configOf(), examined, 3));
  assert.ok(drawing.includes(`loss ${examined[0]!.loss.toFixed(2)}`), "the caption has the loss");
  trainer.dispose();
});

test("cells that step by hand can be run again in any order: a new trainer replaces the previous one", async () => {
  const first = await trainByHand(configOf());
  await first.trainer.step();
  await examineImages(first);
  // Running them again goes on where they were
  assert.equal((await first.trainer.step())?.step, 2);
  assert.ok((await examineImages(first)).length > 0);
  const second = await trainByHand(configOf());
  assert.equal((await second.trainer.step())?.step, 1);
  await assert.rejects(first.trainer.step(), /was disposed[\s\S]*Next: Build it again/);
  second.trainer.dispose();
});
