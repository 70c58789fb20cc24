// The schedules of learning rate and margin, compared with the original's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { vit224 } from "guie/dist/config/presets";
import { learningRate, marginOf } from "guie/dist/training/step/schedule";

const STEPS = 100;
const config = vit224();
const rateAt = (epoch: number, stepInEpoch = 1) => learningRate(config, { epoch, stepInEpoch }, STEPS);

test("the original's learning rates of epochs 2..10 (PIPELINE: printed by its own log)", () => {
  const published = [9.21e-5, 8.27e-5, 7.08e-5, 5.71e-5, 4.29e-5, 2.92e-5, 1.73e-5, 7.94e-6, 2.03e-6];
  for (const [i, rate] of published.entries()) {
    assert.equal(Number(rateAt(i + 2).toPrecision(3)), rate, `epoch ${i + 2}`);
    assert.equal(rateAt(i + 2, 1), rateAt(i + 2, STEPS), "one value per epoch");
  }
});

test("the warm-up is the original's: 0.01 + 0.99 k/T of the rate, which does not reach it", () => {
  assert.ok(Math.abs(rateAt(1, 1) - 1e-6) < 1e-12);
  assert.ok(Math.abs(rateAt(1, STEPS) - (0.01 + 0.99 * 0.99) * 1e-4) < 1e-12);
  const ofTwo = [1, 2].map(
    (stepInEpoch) => learningRate(config, { epoch: 1, stepInEpoch }, 2) / config.initLr,
  );
  for (const [i, factor] of [0.01, 0.505].entries()) assert.ok(Math.abs(ofTwo[i]! - factor) < 1e-12);
  const rise = rateAt(1, 2) - rateAt(1, 1);
  assert.ok(Math.abs(rateAt(1, 51) - rateAt(1, 50) - rise) < 1e-12);
});

test("cosine: a tenth of warm-up, the peak, half of the peak half way, nearly 0 at the last step", () => {
  const cosine = { ...config, lrSchedule: "cosine" as const, nEpochs: 1 };
  const at = (step: number) => learningRate(cosine, { epoch: 1, stepInEpoch: step }, STEPS - 1);
  assert.ok(Math.abs(at(5) - 0.5e-4) < 1e-12);
  assert.ok(Math.abs(at(10) - 1e-4) < 1e-12);
  assert.ok(Math.abs(at(55) - 0.5e-4) < 1e-12); // 99 steps, 10 of warm-up: 45 of 90 parts of the half wave
  assert.ok(at(99) > 0 && at(99) < 1e-7);
});

test("margins 0.3 0.4 0.5 0.6 0.7 0.8 0.8", () => {
  const margins = [1, 2, 3, 4, 5, 6, 7].map((epoch) => Number(marginOf(config, epoch).toFixed(6)));
  assert.deepEqual(margins, [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8]);
});
