// The traced training step, compared with the same functions run eagerly.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import type { TrainConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { tf } from "guie/dist/engine/native/tf";
import { towerFeatures, trainingLoss } from "guie/dist/model/embedding_model";
import { headShapes, initialHeadValues } from "guie/dist/model/head";
import { freshAdapters } from "guie/dist/model/lora";
import { dropoutMask } from "guie/dist/model/neck";
import { freshTower } from "guie/dist/model/tower_weights";
import { findTower } from "guie/dist/model/towers";
import type { Weights } from "guie/dist/model/vit";
import { TOWER_PREFIX } from "guie/dist/model/weight_names";
import { fromTensors, toTensors } from "guie/dist/model/weight_source";
import { Trainer } from "guie/dist/training/loop/trainer";
import { adamRates } from "guie/dist/training/step/optimizer";
import { learningRate, marginOf } from "guie/dist/training/step/schedule";
import { plainAdamW } from "./plain_adamw";

const CLASSES = 5;
const STEPS = 3;
const tower = findTower("tiny");
const config = { ...tiny(), batchSize: 4, nEpochs: 1, imageSize: 28 };
const featureCount = config.lastBlocks * tower.width;
const features = towerFeatures(tower, { ...config, loraAlpha: 3 });
const inputShape = [4, 28, 28, 3];

const batches = Array.from({ length: STEPS }, (_, i) => {
  const random = randomStream(3, "batch", i);
  return {
    inputs: Float32Array.from({ length: 4 * 28 * 28 * 3 }, () => random.normal()),
    shape: inputShape,
    labels: Int32Array.from({ length: 4 }, () => random.integer(0, CLASSES - 1)),
    files: ["a", "b", "c", "d"],
  };
});
const source = {
  stepsPerEpoch: STEPS,
  batchAt: async ({ stepInEpoch }: { stepInEpoch: number }) => batches[stepInEpoch - 1]!,
};

function startWeights(config: TrainConfig): Weights {
  const shapes = headShapes(config, featureCount, CLASSES);
  const head = initialHeadValues(shapes, randomStream(1, "head"));
  const weights: Weights = {};
  for (const [name, values] of Object.entries(head)) weights[name] = tf.tensor(values, shapes[name]);
  for (const [name, weight] of Object.entries(toTensors(freshTower(tower, randomStream(1, "tower"), 28))))
    weights[TOWER_PREFIX + name] = weight;
  for (const [name, weight] of Object.entries(toTensors(freshAdapters(tower, config, 1))))
    weights[TOWER_PREFIX + name] = weight;
  return weights;
}

/** Settings of AdamW that all differ from the defaults. */
const OTHER_RATES: Partial<TrainConfig> = {
  ...{ layerDecay: 0.5, weightDecay: 0.5, beta1: 0.8, beta2: 0.95, clipNorm: 0.7 },
  weightDecayOn: "matrices",
};

/** Returns the share of the backbone's learning rate of a weight of the tower, by its name. */
function shareOf(name: string, { layerDecay }: TrainConfig): number {
  const block = /resblocks\.(\d+)/.exec(name)?.[1];
  if (block) return layerDecay ** (tower.layers - Number(block));
  return name.includes("ln_post") ? 1 : layerDecay ** (tower.layers + 1);
}

/** Returns the names of the weights that a step changes. */
function trainedIn({ loraRank }: TrainConfig, weights: Weights): string[] {
  return Object.keys(weights).filter((name) => loraRank === 0 || !/^visual.*(?<!lora_[AB])$/.test(name));
}

/** Takes the trainer's step with eager tensors. */
function eagerStep(
  config: TrainConfig,
  weights: Weights,
  moments: Record<string, tf.Tensor[]>,
  step: number,
): number {
  return tf.tidy(() => {
    const batch = batches[step - 1]!;
    const masks = [0, 1, 2, 3].map((image) =>
      dropoutMask(featureCount, config.dropout, randomStream(config.seed, "dropout", step, image)),
    );
    const fed = {
      inputs: tf.tensor(batch.inputs, inputShape),
      labels: tf.tensor1d(batch.labels, "int32"),
      keep: tf.stack(masks.map((mask) => tf.tensor1d(mask))) as tf.Tensor2D,
      margin: tf.scalar(marginOf(config, 1)),
    };
    const names = trainedIn(config, weights);
    const { value, grads } = tf.valueAndGrads((...values: tf.Tensor[]) => {
      const record = Object.fromEntries(values.map((tensor, i) => [names[i]!, tensor]));
      return trainingLoss(features, { ...weights, ...record }, fed, config, { assign: () => {} });
    })(names.map((name) => weights[name]!));
    const rate = learningRate(config, { epoch: 1, stepInEpoch: step }, STEPS);
    const norm = Math.sqrt(grads.reduce((sum, grad) => sum + tf.sum(tf.square(grad)).dataSync()[0]!, 0));
    const factor = config.clipNorm === 0 ? 1 : Math.min(1, config.clipNorm / norm);
    assert.ok(config.clipNorm === 0 || factor < 1, `a gradient of norm ${norm} is clipped`);
    for (const [i, name] of names.entries()) {
      const share = name.startsWith(TOWER_PREFIX) ? config.backboneLrFactor * shareOf(name, config) : 1;
      const isDecayed = config.weightDecayOn === "all" || weights[name]!.rank > 1;
      const rates = adamRates(step, rate * share, {
        ...config,
        weightDecay: isDecayed ? config.weightDecay : 0,
      });
      const [firstMoment, secondMoment] = moments[name]!;
      const before = { value: weights[name]!, firstMoment: firstMoment!, secondMoment: secondMoment! };
      const after = plainAdamW(before, tf.mul(grads[i]!, factor), rates, config);
      weights[name] = tf.keep(after.value);
      moments[name] = [tf.keep(after.firstMoment), tf.keep(after.secondMoment)];
    }
    return value.dataSync()[0]!;
  });
}

/**
 * Tells whether a value is a key's bias. The softmax does not depend on it, so its gradient is rounding noise around 0,
 * which Adam divides by its own size: these values are noise in any implementation. Their tiny moments are compared.
 */
function isKeyBias(i: number): boolean {
  return i >= tower.width && i < 2 * tower.width;
}

for (const [name, changes] of [
  ["the preset", {}],
  ["other rates", OTHER_RATES],
  ["adapters of the last block", { loraRank: 2, loraAlpha: 3, trainedBlocks: 1, backboneLrFactor: 1 }],
] as const)
  test(`three traced steps equal three eager ones, ${name}: losses, all weights, all moments`, () =>
    compareSteps({ ...config, ...changes }));

async function compareSteps(config: TrainConfig): Promise<void> {
  const weights = startWeights(config);
  const trained = trainedIn(config, weights);
  const moments = Object.fromEntries(
    trained.map((name) => [name, [tf.zerosLike(weights[name]!), tf.zerosLike(weights[name]!)]]),
  );
  const trainer = await Trainer.create({
    config,
    batches: source,
    features,
    inputShape,
    featureCount,
    weights: fromTensors(startWeights(config)),
  });
  for (let step = 1; step <= STEPS; step++) {
    const expected = eagerStep(config, weights, moments, step);
    const { loss } = (await trainer.step())!;
    assert.ok(Math.abs(loss / expected - 1) < 1e-5, `step ${step}: ${loss} against ${expected}`);
  }
  assert.equal(
    trainer.shapes.size,
    Object.keys(weights).length + 2 * trained.length,
    "moments of trained weights",
  );
  for (const name of trainer.shapes.keys()) {
    const [, moment, weight] = /^optimizer\.(exp_avg|exp_avg_sq)\.(.*)$/.exec(name) ?? [];
    const expected = weight ? moments[weight]![moment === "exp_avg" ? 0 : 1]! : weights[name]!;
    const ours = (await trainer.program.read(name)).data as Float32Array;
    const theirs = expected.dataSync();
    for (let i = 0; i < ours.length; i++) {
      if (name.endsWith("in_proj_bias") && !weight && isKeyBias(i)) continue;
      assert.ok(Math.abs(ours[i]! - theirs[i]!) < 1e-5, `${name}[${i}]: ${ours[i]} against ${theirs[i]}`);
    }
  }
  assert.equal(await trainer.step(), undefined);
  const boxes = trainer.functions[0]!.outline().boxes.map(({ path }) => path);
  for (const part of ["embed/", "block00/", "neck/", "loss/", "gradient/", "adamw/"])
    assert.ok(boxes.includes(part), `${part} in ${boxes}`);
  trainer.dispose();
}

test("a frozen epoch trains neck and head but not the backbone; a batch norm's running values follow", async () => {
  const settings: typeof config = {
    ...config,
    nEpochs: 2,
    frozenEpochs: 1,
    neck: "norm_double_linear",
    head: "Sub_Arc_face",
  };
  const shapes = headShapes(settings, featureCount, CLASSES);
  const values = initialHeadValues(shapes, randomStream(1, "head"));
  const head = Object.entries(values).map(([name, data]) => [name, tf.tensor(data, shapes[name])]);
  const ofTower = Object.entries(startWeights(config)).filter(([name]) => name.startsWith(TOWER_PREFIX));
  const trainer = await Trainer.create({
    config: settings,
    features,
    inputShape,
    featureCount,
    batches: { ...source, stepsPerEpoch: 1 },
    weights: fromTensors({ ...Object.fromEntries(head), ...Object.fromEntries(ofTower) }),
  });
  const now = async () => {
    const state = new Map<string, Float32Array>();
    for (const name of trainer.shapes.keys())
      state.set(name, (await trainer.program.read(name)).data as Float32Array);
    return state;
  };
  const states = [await now()];
  const rates: number[] = [];
  for (let metric = await trainer.step(); metric; metric = await trainer.step()) {
    rates.push(metric.backboneLearningRate);
    states.push(await now());
  }
  assert.deepEqual(
    rates.map((rate) => rate > 0),
    [true, false],
  );
  for (const name of states[0]!.keys()) {
    const [start, afterAll, afterFrozen] = states.map((state) => state.get(name)!);
    const isTower = name.includes(TOWER_PREFIX);
    assert.notDeepEqual(afterAll, start, name);
    if (isTower) assert.deepEqual(afterFrozen, afterAll, name);
    else assert.notDeepEqual(afterFrozen, afterAll, name);
  }
  trainer.dispose();
});
