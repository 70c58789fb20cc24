// The summary of a run that has ended.
import { statSync } from "node:fs";
import { UserError } from "../common/errors";
import type { Average } from "../model/weight_names";
import { type Baseline, baselineOfFolder } from "./baseline";
import { listCheckpoints } from "./kept_checkpoints";
import {
  type EndMetric,
  type HeldOutScores,
  latestMetrics,
  type RetrievalMetric,
  type ScoredOn,
} from "./metrics";
import { readMetrics, runFile } from "./run_folder";
import { readNote, WITHOUT_NOTE } from "./run_note";
import type { AgainstUntrained } from "./untrained";

/** The result of a run that has ended. */
export interface RunSummary {
  folder: string;
  reason: EndMetric["reason"];
  steps: number;
  finalLoss: number | undefined;
  validation: { top1: number; top5: number } | undefined;
  /** Scores of the raw weights, and of their averages. */
  retrieval:
    | (AgainstUntrained & { on?: ScoredOn | undefined } & Partial<Record<Average, HeldOutScores>>)
    | undefined;
  /** Time of its end, if it was not trained now: "2026-01-31 12:34 UTC". */
  finishedBefore?: string;
  /** The scores of the run that it started from. */
  baseline: Baseline | undefined;
  /** Names of the checkpoints in the run's folder. */
  checkpoints: string[];
}

/** Summarises a run from its files. @throws UserError if it has not ended */
export function summarise(folder: string): RunSummary {
  const { step, validation, retrieval, end } = latestMetrics(readMetrics(folder));
  if (!end)
    throw new UserError(`The run in ${folder} has not ended.`, "Watch it, or start it again: npx guie train");
  return {
    folder,
    reason: end.reason,
    steps: step?.step ?? 0,
    finalLoss: step?.loss,
    validation: validation && { top1: validation.top1, top5: validation.top5 },
    retrieval: retrieval && withAverages(retrieval),
    baseline: baselineOfFolder(folder),
    checkpoints: listCheckpoints(folder),
  };
}

function withAverages({ mp5, r1, on, untrained, ema, swa }: RetrievalMetric): RunSummary["retrieval"] {
  return { mp5, r1, on, untrained, ema, swa };
}

/** Formats "finished before (2026-01-31 12:34 UTC), same settings and data; shown again". */
export function finishedBeforeText(folder: string, at: string): string {
  const same = readNote(folder) ? "same settings and data" : `same settings, ${WITHOUT_NOTE}`;
  return `finished before (${at}), ${same}; shown again`;
}

/** Returns the time of a run's last metric, "2026-01-31 12:34 UTC"; "" if it has measured nothing. */
export function endedAt(folder: string): string {
  const changed = statSync(runFile(folder, "metrics"), { throwIfNoEntry: false })?.mtime;
  return changed ? `${changed.toISOString().slice(0, 16).replace("T", " ")} UTC` : "";
}
