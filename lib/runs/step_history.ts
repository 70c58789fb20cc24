// The loss curve of a run in bounded memory, however long the run is.
import type { StepMetric } from "./metrics";

/** The maximum number of points kept. */
export const MAX_POINTS = 1_000;

/** The steps of a run as points of a curve, in bounded memory. */
export interface StepHistory {
  /**
   * The steps, or means over `stepsPerPoint` steps placed at the last of them; the last point may hold fewer, and ends
   * with the latest step.
   */
  points: StepMetric[];
  /** 1 up to 1,000 steps, then 2, 4, 8, ... */
  stepsPerPoint: number;
  /** Steps in the last point. */
  stepsInLast: number;
}

/** Returns the history of a run before its first step. */
export function emptyHistory(): StepHistory {
  return { points: [], stepsPerPoint: 1, stepsInLast: 0 };
}

/** Adds a step in place, to the last point while it has room. If there are too many points, pairs are merged. */
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

/** Merges two points: the later one, with the mean loss and speed of both. */
function meanOf(earlier: StepMetric, count: number, later: StepMetric, laterCount: number): StepMetric {
  const mean = (read: (step: StepMetric) => number) =>
    (read(earlier) * count + read(later) * laterCount) / (count + laterCount);
  return {
    ...later,
    loss: mean(({ loss }) => loss),
    imagesPerSecond: mean(({ imagesPerSecond }) => imagesPerSecond),
  };
}
