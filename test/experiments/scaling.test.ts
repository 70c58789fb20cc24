// The scaling formula, with numbers that a person can compute.
import assert from "node:assert/strict";
import { test } from "node:test";
import { vit224 } from "guie/dist/config/presets";
import { predictStep, type ScalingInputs } from "guie/dist/experiments/scaling";
import { MACHINES, scalingInputs } from "guie/dist/experiments/scaling_inputs";

/** 1 s forward, 2 s backward, 0.28 s for AdamW; 8 GB of gradients in 4 buckets over links of 4 and 1 GB/s. */
const ONE: ScalingInputs = {
  hosts: 1,
  devicesPerHost: 1,
  imagesPerDevice: 10,
  flopsPerImage: 3e11,
  flopsPerSecond: 1e12,
  backwardShare: 2 / 3,
  trainedWeights: 1e9,
  memoryBytesPerSecond: 1e11,
  gradientBytes: 8e9,
  bucketBytes: 2e9,
  linkBytesPerSecond: 4e9,
  networkBytesPerSecond: 1e9,
  messageSeconds: 0,
  overlaps: true,
};

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}, not ${expected}`);
}

test("one device does not wait", () => {
  const { stepSeconds, reduceSeconds, imagesPerSecond, efficiency } = predictStep(ONE);
  assertNear(stepSeconds, 3.28);
  assertNear(reduceSeconds, 0);
  assertNear(imagesPerSecond, 10 / 3.28);
  assertNear(efficiency, 1);
});

test("two devices of a host send all gradients once; only the last bucket is exposed", () => {
  // 8 GB x 2 (2 - 1) / 2 over 4 GB/s: 2 s, as long as the backward pass; the last bucket, 0.5 s, comes after it
  const { reduceSeconds, exposedSeconds, stepSeconds } = predictStep({ ...ONE, devicesPerHost: 2 });
  assertNear(reduceSeconds, 2);
  assertNear(exposedSeconds, 0.5);
  assertNear(stepSeconds, 3.78);
});

test("the network decides across hosts, whatever the links inside them", () => {
  // 16 devices: 8 GB x 2 x 15 / 16 over 1 GB/s: 15 s; the first bucket is full after 0.5 s of 2 s backward
  const many = predictStep({ ...ONE, hosts: 2, devicesPerHost: 8 });
  assert.equal(many.devices, 16);
  assertNear(many.reduceSeconds, 15);
  assertNear(many.exposedSeconds, 0.5 + 15 - 2);
  assertNear(many.efficiency, 3.28 / (3.28 + 13.5));
});

test("one device per host does not use inner links; messages take time; without overlap all of it is exposed", () => {
  const slow = { ...ONE, hosts: 2, linkBytesPerSecond: 1, messageSeconds: 0.01 };
  // 8 s, and 4 buckets of two messages
  assertNear(predictStep(slow).reduceSeconds, 8.08);
  assertNear(predictStep({ ...slow, overlaps: false }).exposedSeconds, 8.08);
});

test("the original's run on six devices of a host: its weights, its products, its gradients", () => {
  const classes = 274_330;
  const place = { hosts: 1, devicesPerHost: 6 };
  const plain = scalingInputs(vit224(), classes, place, MACHINES.a40);
  // open_clip's ViT-H-14 image tower without proj: 32 blocks of 12 D^2 + 13 D, patches, positions, class token, norms
  const [D, T] = [1280, 257];
  const tower = 32 * (12 * D * D + 13 * D) + 3 * 14 * 14 * D + T * D + D + 4 * D;
  const neck = D * 64 + 64;
  assert.equal(plain.trainedWeights, tower + neck + 64 * classes);
  assert.equal(plain.gradientBytes, 4 * plain.trainedWeights);
  assertNear(plain.flopsPerSecond, 0.4 * 74.8e12);
  assert.equal(plain.bucketBytes, 25e6);
  // Forward: two operations per weight and token, and attention; the last block computes MLP and output only for the
  // class token. Backward: twice that.
  const block = T * (12 * D * D + 2 * T * D);
  const forward = 2 * (256 * 588 * D + 32 * block - 256 * 9 * D * D);
  assertNear(plain.flopsPerImage / 1e12, (3 * (forward + 2 * 64 * classes)) / 1e12);

  const shared = { ...vit224(), shardHead: true, gradientDtype: "bfloat16" as const };
  const half = scalingInputs(shared, classes, place, MACHINES.a40);
  assert.equal(half.gradientBytes, 2 * (tower + neck));
  assert.equal(half.trainedWeights, tower + neck + (64 * classes) / 6);
  assert.equal(half.bucketBytes, 12.5e6);
});
