// How long a run took, over all its starts.
import type { Metric } from "./metrics";

/**
 * Returns the seconds of a run: of its last start, and of the training that earlier starts finished up to their last
 * checkpoint. A start counts its time from zero, so a step with less time than the one before it begins another.
 */
export function secondsOf(metrics: readonly Metric[]): number {
  let [before, last, end] = [0, 0, 0];
  for (const metric of metrics) {
    if (metric.kind === "end") end = metric.elapsedSeconds;
    if (metric.kind !== "step") continue;
    if (metric.elapsedSeconds < last) before += last;
    last = metric.elapsedSeconds;
  }
  return before + Math.max(last, end);
}
