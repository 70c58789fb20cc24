// What a run started from: shown beside it wherever the run is shown.
import { UserError } from "../../common/errors";
import type { TrainConfig } from "../../config/config";
import { findCheckpoint } from "./checkpoint_ref";
import { latestMetrics } from "./metrics";
import { readMetrics, readRunConfig } from "./run_folder";

/** The run that `initFrom` names, as it ended: for a fine-tuned run, the neck on frozen features. */
export interface Baseline {
  run: string;
  /** On held-out classes; undefined where none are held out. */
  mp5: number | undefined;
  r1: number | undefined;
}

/** The baseline of a run; undefined where it started from nothing, or what it started from is gone. */
export function baselineOf({ initFrom }: Pick<TrainConfig, "initFrom">): Baseline | undefined {
  if (initFrom === "") return undefined;
  return unlessGone(() => {
    const { retrieval } = latestMetrics(readMetrics(findCheckpoint(initFrom).folder));
    return { run: initFrom, mp5: retrieval?.mp5, r1: retrieval?.r1 };
  });
}

/** The same of the run in a folder, which need not have a checkpoint yet. */
export function baselineOfFolder(folder: string): Baseline | undefined {
  return unlessGone(() => baselineOf(readRunConfig(folder)));
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

/** "baseline demo_frozen: mP@5 0.521, R@1 0.649"; "" where there is none. */
export function baselineText(baseline: Baseline | undefined): string {
  if (baseline?.mp5 === undefined || baseline.r1 === undefined) return "";
  return `baseline ${baseline.run}: mP@5 ${baseline.mp5.toFixed(3)}, R@1 ${baseline.r1.toFixed(3)}`;
}
