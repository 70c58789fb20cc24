// Keeps the steps of a long run in bounded memory.
import type { StepMetric } from "./metrics";

/** So many points are kept of a run at most, however long it is. */
export const MAX_POINTS = 1_000;

/** The steps of a run as points of a curve, in bounded memory. */
export interface StepHistory {
  /**
   * The steps, or means over `stepsPerPoint` of them at the last of these; the last point may stand for fewer, and
   * ends with the latest step.
   */
  points: StepMetric[];
  /** 1 up to 1,000 steps, then 2, 4, 8, ... */
  stepsPerPoint: number;
  /** Steps in the last point. */
  stepsInLast: number;
}

/** Of a run that has not taken a step. */
export function emptyHistory(): StepHistory {
  return { points: [], stepsPerPoint: 1, stepsInLast: 0 };
}

/** Adds a step, in place: to the last point while that has room; where the points become too many, two become one. */
export function addStep(history: StepHistory, step: StepMetric): void {
  const { points, stepsPerPoint, stepsInLast } = history;
  if (points.length > 0 && stepsInLast < stepsPerPoint) {
    points[points.length - 1] = meanOf(points.at(-1)!, stepsInLast, step, 1);
    history.stepsInLast++;
    return;
  }
  if (points.length === MAX_POINTS) halve(history);
  points.push(step);
  history.stepsInLast = 1;
}

function halve(history: StepHistory): void {
  const { points, stepsPerPoint } = history;
  for (let i = 0; i < points.length / 2; i++) {
    points[i] = meanOf(points[2 * i]!, stepsPerPoint, points[2 * i + 1]!, stepsPerPoint);
  }
  points.length /= 2;
  history.stepsPerPoint *= 2;
}

/** Where the later one stands, with the mean loss and speed of both. */
function meanOf(earlier: StepMetric, count: number, later: StepMetric, laterCount: number): StepMetric {
  const mean = (of: (step: StepMetric) => number) =>
    (of(earlier) * count + of(later) * laterCount) / (count + laterCount);
  return {
    ...later,
    loss: mean(({ loss }) => loss),
    imagesPerSecond: mean(({ imagesPerSecond }) => imagesPerSecond),
  };
}
