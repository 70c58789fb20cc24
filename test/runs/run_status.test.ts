// Tests the status line of a run: the time that is left, and what is said when it is not known.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunView } from "guie/dist/runs/follow";
import { statusText } from "guie/dist/runs/run_status";

test("a running run tells the seconds left; after one step nothing, after the last one that it is scoring", () => {
  const line = (steps: number) =>
    statusText({
      folder: "checkpoints/a",
      state: "running",
      steps: Array.from({ length: steps }, (_, i) => ({
        ...{ epoch: 1, step: i + 1, totalSteps: 4, loss: 2, learningRate: 0.1, imagesPerSecond: 8 },
        elapsedSeconds: 3 * i,
      })),
    } as unknown as RunView);
  assert.equal(line(1), "a: running, epoch 1, step 1/4, 8.0 images/s, loss 2.000, lr 1.00e-1");
  assert.equal(line(2), "a: running, epoch 1, step 2/4, 8.0 images/s, 6 s left, loss 2.000, lr 1.00e-1");
  assert.equal(line(4), "a: running, epoch 1, step 4/4, 8.0 images/s, scoring, loss 2.000, lr 1.00e-1");
});
