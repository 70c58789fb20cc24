// Estimates of runs, compared with published operation counts and measured peaks.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { type ConfigOverrides, overrideConfig } from "guie/dist/config/config";
import { preset } from "guie/dist/config/presets";
import { measureProductRate } from "guie/dist/engine/program/product_rate";
import { findTower } from "guie/dist/model/towers";
import { estimateRuns } from "guie/dist/notebook/views/training_views";
import { buildTraining } from "guie/dist/training/build";
import { requireDisk, requireMemory } from "guie/dist/training/capacity";
import { readRunData } from "guie/dist/training/data/read_run_data";
import { estimateRun } from "guie/dist/training/estimate";
import { forwardFlops } from "guie/dist/training/tower_cost";
import { makeTinyData } from "./tiny_data";

test("operations of a forward pass equal the published ones", () => {
  // GMACs (two operations each) in timm's and open_clip's model profiles, which compute all tokens of the last block.
  const published: [string, number][] = [
    ["ViT-B-32", 4.41],
    ["ViT-B-16", 17.58],
    ["ViT-L-14", 81.08],
    ["ViT-H-14", 167.4],
  ];
  for (const [name, gmacs] of published) {
    const tower = { ...findTower(name), pooling: "average" as const };
    const found = forwardFlops(tower, 224) / 2e9;
    assert.ok(Math.abs(found / gmacs - 1) < 0.01, `${name}: ${found} against ${gmacs}`);
  }
  const [classOnly, all] = [findTower("ViT-B-16"), { ...findTower("ViT-B-16"), pooling: "average" as const }];
  const last = 2 * 196 * (768 * 768 + 2 * 768 * 3072);
  assert.equal(forwardFlops(all, 224) - forwardFlops(classOnly, 224), last);
  assert.equal(
    forwardFlops(all, 224) - forwardFlops(all, 224, { lastBlocks: 12 }),
    2 * 196 * (3 * 16 * 16) * 768,
    "patches",
  );
  assert.equal(
    forwardFlops(all, 224, { patchDropout: 0.75 }),
    forwardFlops(all, 112),
    "49 of 196 patches, as at half the size",
  );
  assert.equal(forwardFlops(all, 224, { lastBlocks: 3 }), forwardFlops(all, 224, { lastBlocks: 12 }) / 4);
});

test("memory is within 15 % of measured peaks", async () => {
  const base = {
    batchSize: 8,
    gradientCheckpointing: true,
    weights: "random",
    lastBlocks: 1,
    imageSize: 224,
  };
  const vitB = { ...base, tower: "ViT-B-16" };
  // Peak resident memory of a process after two or three steps (VmHWM), MB; Linux, 2 cores.
  const measured: [ConfigOverrides, number][] = [
    [{ batchSize: 8 }, 1089],
    [{ batchSize: 16 }, 1310],
    [{ batchSize: 32 }, 1747],
    [{ batchSize: 32, gradientCheckpointing: true }, 1094],
    [{ batchSize: 32, trainedBlocks: 6 }, 1336],
    [{ batchSize: 32, trainedBlocks: 2 }, 971],
    [{ batchSize: 8, imageSize: 224 }, 1839],
    [{ batchSize: 16, imageSize: 224 }, 2802],
    [{ ...vitB, batchSize: 4, gradientCheckpointing: false }, 2255],
    [{ ...vitB, gradientCheckpointing: false }, 2959],
    [vitB, 1927],
  ];
  for (const [overrides, peakMB] of measured) {
    const config = overrideConfig(preset("demo", "fine_tune"), { dataDir: "data/none", ...overrides });
    const { memoryMB, steps } = await estimateRun(config, 1e11);
    assert.ok(
      Math.abs(memoryMB / peakMB - 1) < 0.15,
      `${JSON.stringify(overrides)}: ${memoryMB} against ${peakMB}`,
    );
    assert.equal(steps, undefined, "unknown without a table");
  }
});

test("time follows from the rate: three forward passes per step, one more with gradient checkpointing", async () => {
  const dataDir = await makeTinyData();
  try {
    const config = overrideConfig(preset("tiny"), { dataDir, batchSize: 4, nEpochs: 3, maxStepsPerEpoch: 2 });
    const forward = forwardFlops(findTower("tiny"), 28);
    // On a slow machine a step's fixed time does not matter.
    const rate = 1e6;
    const plain = await estimateRun(config, rate);
    assert.equal(plain.steps, 6);
    const { width } = findTower("tiny");
    const products = (4 * 3 * forward) / rate;
    const classes = (await readRunData(config)).classCount;
    const head = (6 * 4 * 8 * (2 * width + classes)) / rate;
    const own = 0.0045 + head * (1 + 120 / 8);
    assert.ok(Math.abs(plain.secondsPerStep - own - products * (1 + 120 / width)) < 1e-6);
    assert.ok(Math.abs(plain.trainingSeconds! - 6 * plain.secondsPerStep) < 1e-9);
    const again = await estimateRun({ ...config, gradientCheckpointing: true }, rate);
    assert.ok(Math.abs((again.secondsPerStep - own) / (plain.secondsPerStep - own) - 4 / 3) < 1e-6);
    const last = await estimateRun({ ...config, trainedBlocks: 1 }, rate);
    const learning = forwardFlops(findTower("tiny"), 28, { lastBlocks: 1 }) / forward;
    assert.ok(learning < 0.5);
    const share = (last.secondsPerStep - own) / (plain.secondsPerStep - own);
    assert.ok(
      Math.abs(share - (1 + 2 * learning) / 3) < 1e-6,
      "the backward pass covers only the last block",
    );
    assert.equal(last.evaluationSeconds, plain.evaluationSeconds);
    const averaged = await estimateRun({ ...config, emaDecay: 0.9 }, rate);
    assert.ok(Math.abs(averaged.evaluationSeconds! / plain.evaluationSeconds! - 2) < 1e-6);
    const [row] = await estimateRuns({ some: config });
    assert.deepEqual([row!.run, row!.steps], ["some", 6]);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});

test("seconds of a step are within 15 % of measurements, at the rate measured with them", async () => {
  const vitB = { tower: "ViT-B-16", weights: "random", lastBlocks: 1, imageSize: 224, batchSize: 4 };
  const measured: ["frozen" | "fine_tune", ConfigOverrides, rate: number, seconds: number][] = [
    ["fine_tune", { batchSize: 32 }, 216.3e9, 1.5755],
    ["fine_tune", { batchSize: 8 }, 208.2e9, 0.4529],
    ["fine_tune", { batchSize: 32, trainedBlocks: 6 }, 221.2e9, 0.9536],
    ["fine_tune", { batchSize: 32, trainedBlocks: 2 }, 218.7e9, 0.6467],
    ["fine_tune", vitB, 220.9e9, 2.0783],
    ["frozen", {}, 213.4e9, 0.00506],
    ["frozen", { batchSize: 512 }, 214.4e9, 0.01502],
  ];
  for (const [stage, overrides, rate, seconds] of measured) {
    const config = overrideConfig(preset("demo", stage), { dataDir: "data/none", ...overrides });
    const { secondsPerStep } = await estimateRun(config, rate);
    const message = `${stage} ${JSON.stringify(overrides)}: ${secondsPerStep} against ${seconds} s`;
    assert.ok(Math.abs(secondsPerStep / seconds - 1) < 0.15, message);
  }
});

test("the machine's rate is above a billion per second", async () => {
  const rate = await measureProductRate(64);
  assert.ok(rate > 1e9 && rate < 1e15, `${rate}`);
});

test("a run that does not fit into memory is refused before any computation", async () => {
  const config = (overrides: ConfigOverrides) => overrideConfig(preset("demo", "fine_tune"), overrides);
  const counts = { classes: 620, distinct: 4000 };
  // Measured: 1,747 MB at a batch of 32, the second row from above
  requireMemory(config({ batchSize: 32 }), counts, 1747 * 2 ** 20);
  assert.throws(
    () => requireMemory(config({ batchSize: 32 }), counts, 1200 * 2 ** 20),
    /needs about 1\.\d GB of memory, this machine has 1\.3 GB/,
  );
  const dataDir = await makeTinyData();
  try {
    for (const stage of ["frozen", "fine_tune"] as const) {
      const huge = overrideConfig(preset("tiny", stage), { dataDir, embeddingDim: 100_000_000 });
      await assert.rejects(
        buildTraining(huge),
        /needs about \d+\.\d GB of memory[\s\S]*a smaller embeddingDim/,
      );
    }
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});

test("the disk must have room for two checkpoints", () => {
  const shapes = new Map([
    ["a", [1000, 250]],
    ["b", []],
  ]);
  requireDisk("/tmp", shapes, 2 * 4 * 250_001);
  assert.throws(
    () => requireDisk("/tmp", shapes, 2 * 4 * 250_001 - 1),
    /checkpoint of this run takes 0\.001 GB.*\/tmp has 0\.002 GB left/,
  );
  requireDisk("/tmp", shapes);
});
