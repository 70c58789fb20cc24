// The baseline of a run: the scores of the run that it started from, shown next to its own.
import { UserError } from "../common/errors";
import { dataFolder } from "../config/paths";
import type { StartSettings } from "../config/start";
import { findCheckpoint } from "./checkpoint_ref";
import { latestMetrics, type RetrievalMetric, type ScoredOn } from "./metrics";
import { readMetrics, readRunConfig } from "./run_folder";
import { WITHOUT_NOTE } from "./run_note";
import { scoredOnText } from "./scored_on";

/** The run that `initFrom` names, as it ended: for a fine-tuned run, the neck on frozen features. */
export interface Baseline {
  run: string;
  /** On held-out classes; undefined if none are held out, or if they differ from the run's own. */
  mp5: number | undefined;
  r1: number | undefined;
  /** The reason for leaving its scores out, if it has scores. */
  leftOut?: string;
}

/**
 * Returns the baseline of a run; undefined if the run started from nothing, or if its start is gone.
 * @param runScore the run's own score; undefined while there is none to compare with
 */
function baselineOf(
  { initFrom }: Pick<StartSettings, "initFrom">,
  runScore: RetrievalMetric | undefined,
): Baseline | undefined {
  if (initFrom === "") return undefined;
  return unlessGone(() => {
    const { retrieval } = latestMetrics(readMetrics(findCheckpoint(initFrom).folder));
    const leftOut = runScore && retrieval && whyIncomparable(runScore.on, retrieval.on);
    const scores = runScore && !leftOut ? retrieval : undefined;
    return { run: initFrom, mp5: scores?.mp5, r1: scores?.r1, leftOut };
  });
}

/** Tells why two scores cannot be compared; undefined if both have the same queries and index. */
function whyIncomparable(one: ScoredOn | undefined, other: ScoredOn | undefined): string | undefined {
  if (!one || !other) return WITHOUT_NOTE;
  const isSame = one.fingerprint === other.fingerprint && dataFolder(one) === dataFolder(other);
  return isSame ? undefined : `scored on other queries: ${scoredOnText(other)}`;
}

/** Returns the baseline of the run in a folder; the run need not have a checkpoint yet. */
export function baselineOfFolder(folder: string): Baseline | undefined {
  return unlessGone(() => baselineOf(readRunConfig(folder), latestMetrics(readMetrics(folder)).retrieval));
}

/** Returns the baseline of a run by its name. */
export function baselineOfRun(run: string): Baseline | undefined {
  return unlessGone(() => baselineOfFolder(findCheckpoint(run).folder));
}

function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Formats "baseline demo_frozen: mP@5 0.521, R@1 0.649", or the reason for leaving it out; "" if there is none. */
export function baselineText(baseline: Baseline | undefined): string {
  if (baseline?.leftOut) return `baseline ${baseline.run} left out, ${baseline.leftOut}`;
  if (baseline?.mp5 === undefined || baseline.r1 === undefined) return "";
  return `baseline ${baseline.run}: mP@5 ${baseline.mp5.toFixed(3)}, R@1 ${baseline.r1.toFixed(3)}`;
}
