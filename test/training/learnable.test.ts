// Data that nothing can be learned from are refused before anything is computed, with what is missing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { requireLearnable } from "guie/dist/training/data/learnable";
import { trainNeck } from "guie/dist/training/train_neck";

const config = overrideConfig(tiny("frozen"), { batchSize: 8 });
const dataOf = (labels: number[], files = labels.map((_, i) => `${i}.jpg`)) => ({
  train: { files, labels },
  classCount: new Set(labels).size,
});
const check = (data: ReturnType<typeof dataOf>, changes = {}) =>
  requireLearnable(data, { ...config, ...changes }, "table.csv");

test("one class: there is nothing to tell apart, but a search works without training", () => {
  assert.throws(() => check(dataOf([0, 0, 0, 0, 0, 0, 0, 0])), {
    name: "UserError",
    message:
      /Expected images of 2 classes or more in table\.csv: there is one class[\s\S]*search without training/,
  });
});

test("classes of one image each: nothing shows what a class has in common", () => {
  const labels = [0, 1, 2, 3, 4, 5, 6, 7];
  const message =
    /Expected a class with two images or more in table\.csv: each of its 8 classes has one image[\s\S]*Add images/;
  assert.throws(() => check(dataOf(labels)), { name: "UserError", message });
  const repeated = [...labels, ...labels];
  const files = repeated.map((label) => `${label}.jpg`);
  assert.throws(() => check(dataOf(repeated, files)), { message }, "copies of an image are one image");
  check(dataOf([...labels, 7]));
});

test("fewer images than a step takes: the preset small and a smaller batch are named", () => {
  const data = dataOf([0, 0, 0, 1, 1, 1, 1]);
  assert.throws(() => check(data), {
    name: "UserError",
    message:
      /table\.csv has 7 images to learn from, fewer than the 8 of one step\.[\s\S]*--config-name small.*--batch-size 4/,
  });
  assert.throws(() => check(data, { batchSize: 4, processes: 2 }), /fewer than the 8 of one step/);
  check(data, { batchSize: 4 });
  check(data, { leastSteps: 10 });
});

test("eight images of two classes can be learned: no number is divided by zero", async () => {
  const labels = Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1);
  const features = { data: Float32Array.from({ length: 32 }, (_, i) => Math.sin(i)), count: 8, length: 4 };
  const small = overrideConfig(tiny("frozen"), {
    neckStart: "whitened",
    standardise: true,
    leastSteps: 20,
    batchSize: 32,
    maxStepsPerEpoch: 0,
  });
  const weights = await trainNeck(small, features, labels);
  for (const [name, weight] of Object.entries(weights)) {
    assert.ok(weight.dataSync().every(Number.isFinite), name);
    weight.dispose();
  }
});

test("images that are all alike can be trained on, too", async () => {
  const features = { data: new Float32Array(32).fill(0.5), count: 8, length: 4 };
  const config = overrideConfig(tiny("frozen"), { neckStart: "whitened", leastSteps: 4, batchSize: 8 });
  const weights = await trainNeck(config, features, Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1));
  for (const [name, weight] of Object.entries(weights)) {
    assert.ok(weight.dataSync().every(Number.isFinite), name);
    weight.dispose();
  }
});
