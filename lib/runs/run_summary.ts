// What a run leaves to look at once it has ended.
import { statSync } from "node:fs";
import { UserError } from "../common/errors";
import type { Average } from "../model/weight_names";
import { type Baseline, baselineOfFolder } from "./baseline";
import {
  type EndMetric,
  type HeldOutScores,
  latestMetrics,
  type RetrievalMetric,
  type ScoredOn,
} from "./metrics";
import { listCheckpoints } from "./run_checkpoints";
import { readMetrics, runFile } from "./run_folder";
import { readNote, WITHOUT_NOTE } from "./run_note";

/** What a finished (or stopped) run leaves to look at. */
export interface RunSummary {
  folder: string;
  reason: EndMetric["reason"];
  steps: number;
  finalLoss: number | undefined;
  validation: { top1: number; top5: number } | undefined;
  /** Of the weights as they are, and of their averages. */
  retrieval:
    | ({ mp5: number; r1: number; on?: ScoredOn | undefined } & Partial<Record<Average, HeldOutScores>>)
    | undefined;
  /** When it had finished, where it was not trained now: "2026-01-31 12:34 UTC". */
  finishedBefore?: string;
  /** What the run that it started from had reached. */
  baseline: Baseline | undefined;
  /** Names of the checkpoints that the run's folder holds. */
  checkpoints: string[];
}

/** The end of a run as its files tell it. @throws UserError for one that has not ended */
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

function withAverages({ mp5, r1, on, ema, swa }: RetrievalMetric): RunSummary["retrieval"] {
  return { mp5, r1, on, ema, swa };
}

/** "finished before (2026-01-31 12:34 UTC), same settings and data; shown again". */
export function finishedBeforeText(folder: string, at: string): string {
  const same = readNote(folder) ? "same settings and data" : `same settings, ${WITHOUT_NOTE}`;
  return `finished before (${at}), ${same}; shown again`;
}

/** When a run has written its last line: "2026-01-31 12:34 UTC"; "" where it has measured nothing. */
export function endedAt(folder: string): string {
  const changed = statSync(runFile(folder, "metrics"), { throwIfNoEntry: false })?.mtime;
  return changed ? `${changed.toISOString().slice(0, 16).replace("T", " ")} UTC` : "";
}
