// What a run started from: shown beside it wherever the run is shown.
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
  /** On held-out classes; undefined where none are held out, or others than those of the run itself. */
  mp5: number | undefined;
  r1: number | undefined;
  /** Why its scores are left out, where it has some. */
  leftOut?: string;
}

/**
 * The baseline of a run; undefined where it started from nothing, or what it started from is gone.
 * @param own the run's own score; undefined: there is none yet to compare with
 */
function baselineOf(
  { initFrom }: Pick<StartSettings, "initFrom">,
  own: RetrievalMetric | undefined,
): Baseline | undefined {
  if (initFrom === "") return undefined;
  return unlessGone(() => {
    const { retrieval } = latestMetrics(readMetrics(findCheckpoint(initFrom).folder));
    const leftOut = own && retrieval && whyOther(own.on, retrieval.on);
    const scores = own && !leftOut ? retrieval : undefined;
    return { run: initFrom, mp5: scores?.mp5, r1: scores?.r1, leftOut };
  });
}

/** Why two scores cannot be compared; undefined where they are of the same queries and index. */
function whyOther(own: ScoredOn | undefined, other: ScoredOn | undefined): string | undefined {
  if (!own || !other) return WITHOUT_NOTE;
  const isSame = own.fingerprint === other.fingerprint && dataFolder(own) === dataFolder(other);
  return isSame ? undefined : `scored on others: ${scoredOnText(other)}`;
}

/** The baseline of the run in a folder, which need not have a checkpoint yet. */
export function baselineOfFolder(folder: string): Baseline | undefined {
  return unlessGone(() => baselineOf(readRunConfig(folder), latestMetrics(readMetrics(folder)).retrieval));
}

/** The same by the run's own name. */
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

/** "baseline demo_frozen: mP@5 0.521, R@1 0.649", or why it is left out; "" where there is none. */
export function baselineText(baseline: Baseline | undefined): string {
  if (baseline?.leftOut) return `baseline ${baseline.run} left out, ${baseline.leftOut}`;
  if (baseline?.mp5 === undefined || baseline.r1 === undefined) return "";
  return `baseline ${baseline.run}: mP@5 ${baseline.mp5.toFixed(3)}, R@1 ${baseline.r1.toFixed(3)}`;
}
