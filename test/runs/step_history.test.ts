// The bounded step history: single steps up to 1,000, means after that.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { StepMetric } from "guie/dist/runs/metrics";
import { addStep, emptyHistory, MAX_POINTS } from "guie/dist/runs/step_history";

const stepAt = (step: number) =>
  ({ kind: "step", step, loss: step, imagesPerSecond: 1, elapsedSeconds: step }) as StepMetric;

function historyOf(steps: number) {
  const history = emptyHistory();
  for (let step = 1; step <= steps; step++) addStep(history, stepAt(step));
  return history;
}

test("up to 1,000 steps are kept as they are", () => {
  const { points, stepsPerPoint } = historyOf(MAX_POINTS);
  assert.equal(stepsPerPoint, 1);
  assert.deepEqual(
    points,
    Array.from({ length: MAX_POINTS }, (_, i) => stepAt(i + 1)),
  );
});

test("beyond 1,000 steps each point is the mean of equally many steps, at the last of them; none is lost", () => {
  for (const steps of [1001, 1002, 2000, 2001, 5003]) {
    const { points, stepsPerPoint, stepsInLast } = historyOf(steps);
    assert.ok(points.length <= MAX_POINTS && points.length > MAX_POINTS / 2, `${points.length} points`);
    assert.equal((points.length - 1) * stepsPerPoint + stepsInLast, steps);
    assert.equal(points.at(-1)!.step, steps);
    assert.equal(points.at(-1)!.loss, steps - (stepsInLast - 1) / 2);
    for (const [i, point] of points.slice(0, -1).entries()) {
      assert.equal(point.step, (i + 1) * stepsPerPoint);
      assert.ok(
        Math.abs(point.loss - (point.step - (stepsPerPoint - 1) / 2)) < 1e-6,
        `point ${i} of ${steps}`,
      );
    }
  }
});
