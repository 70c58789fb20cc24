// Gradient accumulation, gradient checkpointing and 16-bit matrix products, compared with the plain step.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import type { TrainConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import { towerFeatures } from "guie/dist/model/embedding_model";
import { headShapes, initialHeadValues } from "guie/dist/model/head";
import { drawPatches, type PatchCounts, patchCounts } from "guie/dist/model/patch_dropout";
import { freshTower } from "guie/dist/model/tower_weights";
import { findTower, patchGrid } from "guie/dist/model/towers";
import { TOWER_PREFIX } from "guie/dist/model/weight_names";
import { fillProgram, fromTensors, joinSources, withPrefix } from "guie/dist/model/weight_source";
import { stepsApplied } from "guie/dist/training/step/loss_scale";
import { declareOptimizer } from "guie/dist/training/step/optimizer_state";
import { groupRates } from "guie/dist/training/step/rate_groups";
import { traceStep } from "guie/dist/training/step/step";

const CLASSES = 5;
const BATCH_SIZE = 8;
const tower = findTower("tiny");
const featureCount = tower.width;
const inputShape = [BATCH_SIZE, 28, 28, 3];

interface Outcome {
  losses: number[];
  /** Names of the weights. */
  names: string[];
  nodes: number;
  program: Program;
}

/**
 * Trains the tiny model with a config, always from the same weights and on the same batches.
 * @param variables initial values of the optimizer's variables
 * @param firstStep number of the first step, from 1
 */
async function train(
  overrides: Partial<TrainConfig>,
  steps = 3,
  variables: Record<string, number> = {},
  firstStep = 1,
): Promise<Outcome> {
  const config = { ...tiny(), lastBlocks: 1, ...overrides };
  const program = new Program();
  const random = randomStream(1, "start");
  const shapesOfHead = headShapes(config, featureCount, CLASSES);
  const head = Object.entries(initialHeadValues(shapesOfHead, random)).map(
    ([name, values]) => [name, tf.tensor(values, shapesOfHead[name])] as const,
  );
  const weights = joinSources(
    fromTensors(Object.fromEntries(head)),
    withPrefix(TOWER_PREFIX, freshTower(tower, random, 28)),
  );
  const { shapes } = weights;
  await fillProgram(program, weights);
  await declareOptimizer(program, shapes, config);
  const features = towerFeatures(tower, config);
  const patches = patchCounts(patchGrid(tower, 28) ** 2, config);
  const step = traceStep(program, {
    ...{ config, shapes, features, inputShape, featureCount, keptPatches: patches?.kept },
  });
  for (const [name, value] of Object.entries(variables)) await program.assign(name, [value]);
  const losses: number[] = [];
  for (let i = firstStep; i < firstStep + steps; i++) {
    const applied = await stepsApplied(program, config, i);
    const rates = groupRates(
      step.groups,
      applied,
      { head: 1e-3, backbone: 1e-3 },
      { ...config, weightDecay: 1e-2 },
    );
    const draws = randomStream(2, "batch", i);
    losses.push(
      await step.run({
        inputs: Float32Array.from({ length: BATCH_SIZE * 28 * 28 * 3 }, () => draws.normal()),
        labels: Int32Array.from({ length: BATCH_SIZE }, () => draws.integer(0, CLASSES - 1)),
        keep: Float32Array.from({ length: BATCH_SIZE * featureCount }, () =>
          draws.uniform() < 0.2 ? 0 : 1.25,
        ),
        ...(patches && { patches: drawnPatches(patches, i) }),
        margin: 0.3,
        rates,
      }),
    );
  }
  const nodes = step.functions.reduce((sum, { nodeCount }) => sum + nodeCount, 0);
  return { losses, names: [...shapes.keys()], nodes, program };
}

/** Draws the patches of a batch. */
function drawnPatches(counts: PatchCounts, step: number): Int32Array {
  const drawn = Array.from({ length: BATCH_SIZE }, (_, image) => [
    ...drawPatches(counts, randomStream(2, "patches", step, image)),
  ]);
  return Int32Array.from(drawn.flat());
}

async function read({ program }: Outcome, name: string): Promise<Float32Array> {
  return (await program.read(name)).data as Float32Array;
}

/** Tells whether a value is a key's bias: the softmax does not depend on it, so its gradient is rounding noise. */
function isNoise(name: string, i: number): boolean {
  return name.endsWith("in_proj_bias") && i >= tower.width && i < 2 * tower.width;
}

/** Returns the largest difference between two runs' weights. */
async function largestDifference(a: Outcome, b: Outcome): Promise<number> {
  let largest = 0;
  for (const name of a.names) {
    const [values, others] = [await read(a, name), await read(b, name)];
    for (const [i, value] of values.entries())
      if (!isNoise(name, i)) largest = Math.max(largest, Math.abs(value - others[i]!));
  }
  return largest;
}

/** Returns the cosine between all gradients of two runs after one step; the first moments are a tenth of them. */
async function gradientCosine(a: Outcome, b: Outcome): Promise<number> {
  let [ab, aa, bb] = [0, 0, 0];
  for (const name of a.names) {
    const [xs, ys] = [await read(a, `optimizer.exp_avg.${name}`), await read(b, `optimizer.exp_avg.${name}`)];
    for (const [i, x] of xs.entries()) {
      ab += x * ys[i]!;
      aa += x * x;
      bb += ys[i]! * ys[i]!;
    }
  }
  return ab / Math.sqrt(aa * bb);
}

for (const accumulationSteps of [2, 8]) {
  test(`a batch in ${accumulationSteps} pieces gives the steps of the whole batch`, async () => {
    const [whole, pieces] = [await train({}), await train({ accumulationSteps })];
    for (const [i, loss] of pieces.losses.entries())
      assert.ok(Math.abs(loss / whole.losses[i]! - 1) < 1e-5, `${loss} against ${whole.losses[i]}`);
    const difference = await largestDifference(pieces, whole);
    assert.ok(difference < 1e-5, String(difference));
    for (const name of whole.names)
      assert.ok(
        (await read(pieces, `optimizer.grad.${name}`)).every((sum) => sum === 0),
        name,
      );
    for (const { program } of [whole, pieces]) program.dispose();
  });
}

test("with patch dropout a step computes fewer tokens, in pieces the same ones", async () => {
  const [all, half] = [await train({}, 1), await train({ patchDropout: 0.5 }, 1)];
  const pieces = await train({ patchDropout: 0.5, accumulationSteps: 2 }, 1);
  assert.notEqual(half.losses[0], all.losses[0]);
  assert.ok(Math.abs(pieces.losses[0]! / half.losses[0]! - 1) < 1e-5);
  const difference = await largestDifference(pieces, half);
  assert.ok(difference < 1e-5, String(difference));
  for (const { program } of [all, half, pieces]) program.dispose();
});

test("gradient checkpointing gives the same steps, with graphs that have the blocks twice", async () => {
  const [kept, again] = [await train({}), await train({ gradientCheckpointing: true })];
  for (const [i, loss] of again.losses.entries())
    assert.ok(Math.abs(loss / kept.losses[i]! - 1) < 1e-6, `${loss} against ${kept.losses[i]}`);
  const difference = await largestDifference(again, kept);
  assert.ok(difference < 1e-6, String(difference));
  assert.ok(again.nodes > kept.nodes, `${again.nodes} nodes against ${kept.nodes}`);
  for (const { program } of [kept, again]) program.dispose();
});

test("training only the last block: its gradients equal those of the whole, earlier weights stay", async () => {
  const [start, whole, last] = [await train({}, 0), await train({}, 1), await train({ trainedBlocks: 1 }, 1)];
  const learns = (name: string) =>
    /^(head|neck|visual\.ln_post|visual\.transformer\.resblocks\.1)\./.test(name);
  for (const name of whole.names) {
    const moment = `optimizer.exp_avg.${name}`;
    if (learns(name)) {
      const [found, expected] = [await read(last, moment), await read(whole, moment)];
      const most = Math.max(...expected.map(Math.abs));
      for (const [i, value] of found.entries())
        assert.ok(Math.abs(value - expected[i]!) <= 1e-5 * most, `${moment}: ${value}, not ${expected[i]}`);
      assert.notDeepEqual(await read(last, name), await read(start, name), name);
    } else {
      assert.deepEqual(await read(last, name), await read(start, name), name);
      assert.ok((await read(last, moment)).every((value) => value === 0));
    }
  }
  assert.ok(last.names.filter(learns).length < last.names.length, "and some do not learn");
  assert.ok(last.nodes < whole.nodes, `${last.nodes} nodes against ${whole.nodes}`);
  await assert.rejects(train({ trainedBlocks: 3 }), /trainedBlocks is 3, the backbone has 2 blocks/);
  for (const { program } of [start, whole, last]) program.dispose();
});

// The tiny model's gradients are too large for the initial scale of 65536: it would be halved a few times
const HALVED = { "optimizer.loss_scale": 1024 };

for (const [precision, scale] of [
  ["bfloat16", {}],
  ["float16", HALVED],
] as const) {
  test(`${precision}: nearly the loss and the gradients of float32`, async () => {
    const [full, half] = [await train({}, 1), await train({ precision }, 1, scale)];
    assert.notEqual(half.losses[0], full.losses[0]);
    assert.ok(
      Math.abs(half.losses[0]! / full.losses[0]! - 1) < 5e-3,
      `${half.losses} against ${full.losses}`,
    );
    const cosine = await gradientCosine(half, full);
    assert.ok(cosine > 0.999, `cosine ${cosine}`);
    for (const { program } of [full, half]) program.dispose();
  });
}

test("float16: a step with overflowing gradients only halves the loss scale", async () => {
  const scale = 2 ** 120;
  const [start, skipped] = [
    await train({ precision: "float16" }, 0),
    await train({ precision: "float16" }, 1, { "optimizer.loss_scale": scale, "optimizer.good_steps": 7 }),
  ];
  const names = start.names.flatMap((name) => [
    name,
    `optimizer.exp_avg.${name}`,
    `optimizer.exp_avg_sq.${name}`,
  ]);
  for (const name of names) assert.deepEqual(await read(skipped, name), await read(start, name), name);
  assert.equal((await read(skipped, "optimizer.loss_scale"))[0], scale / 2);
  assert.equal((await read(skipped, "optimizer.good_steps"))[0], 0);
  for (const { program } of [start, skipped]) program.dispose();
});

test("float16: skipped steps do not count for the bias corrections: the first real one changes weights by the rate", async () => {
  const start = await train({ precision: "float16" }, 0);
  const before = await read(start, "head.weight");
  for (const [skipped, step] of [
    [0, 1],
    [2, 3],
  ] as const) {
    const variables = { ...HALVED, "optimizer.skipped_steps": skipped };
    const run = await train({ precision: "float16" }, 1, variables, step);
    const after = await read(run, "head.weight");
    // Adam's first step is rate x g / (|g| + eps); decay adds 1e-5 of the weight
    const largest = after.reduce((most, value, i) => Math.max(most, Math.abs(value - before[i]!)), 0);
    assert.ok(Math.abs(largest / 1e-3 - 1) < 0.02, `${skipped} skipped: moved ${largest / 1e-3} x rate`);
    run.program.dispose();
  }
  const overflowed = await train({ precision: "float16" }, 2, { "optimizer.loss_scale": 2 ** 120 });
  assert.equal((await read(overflowed, "optimizer.skipped_steps"))[0], 2);
  for (const { program } of [start, overflowed]) program.dispose();
});

test("float16: the loss scale doubles after 2,000 good steps", async () => {
  const run = await train({ precision: "float16" }, 1, { ...HALVED, "optimizer.good_steps": 1998 });
  assert.equal((await read(run, "optimizer.loss_scale"))[0], 1024);
  assert.equal((await read(run, "optimizer.good_steps"))[0], 1999);
  run.program.dispose();
  const grown = await train({ precision: "float16" }, 1, { ...HALVED, "optimizer.good_steps": 1999 });
  assert.equal((await read(grown, "optimizer.loss_scale"))[0], 2048);
  assert.equal((await read(grown, "optimizer.good_steps"))[0], 0);
  grown.program.dispose();
});
