// The table of all runs, one row each.
import { statSync } from "node:fs";
import { messageOf, UserError } from "../common/errors";
import { bytesBelow } from "../common/files/disk_use";
import { intervalText } from "../common/words";
import { changedSettings, changesText } from "../config/run_name";
import { viewRun } from "./follow";
import { listRuns, readRunConfig, runFile, runFolder } from "./run_folder";
import { shortScoredOn } from "./scored_on";
import { gainOf, WORSE } from "./untrained";

/** A run as one row of a table. */
export interface RunRow {
  run: string;
  "mP@5"?: number;
  /** 95 % interval of mP@5, by a bootstrap over classes: "[0.60, 0.69]". */
  "mP@5, 95 %"?: string;
  "R@1"?: number;
  /** The preset, and the settings that differ from its own: "demo: margin 0.2, s 20". */
  settings: string;
  stage: string;
  /** `starting`, `running`, `finished`, `stopped`, `failed`, `lost`; or the error of reading its files. */
  state: string;
  epoch?: number;
  steps: string;
  loss?: number;
  "top-1"?: number;
  /** mP@5 of the run that it started from, on the same queries. */
  "baseline mP@5"?: number;
  /** mP@5 of the untrained backbone on the same queries, as it is and whitened. */
  "backbone mP@5"?: number;
  "whitened mP@5"?: number;
  /** "worse than no training" where mP@5 is below one of these two. */
  verdict?: string;
  /** Data directory and fingerprint of the queries, and the number of classes that were trained on. */
  "scored on"?: string;
  "lr head"?: number;
  "lr backbone"?: number;
  /** Room on disk. */
  MB?: number;
  /** Time of the last metric, UTC. */
  when: string;
}

/**
 * Returns one row per run below `checkpoints/`: its progress and scores. For `show` and `guie runs`.
 * @param runs names or folders; default: all
 * @example
 * show(runTable());
 */
export function runTable(runs: readonly string[] = listRuns()): RunRow[] {
  return runs.map(rowOf);
}

function rowOf(run: string): RunRow {
  const folder = runFolder(run);
  try {
    const config = readRunConfig(folder);
    const { configName, stage, initLr, backboneLrFactor } = config;
    const view = viewRun(folder);
    const [step, validation, retrieval] = [
      view.steps.at(-1),
      view.validations.at(-1),
      view.retrievals.at(-1),
    ];
    return {
      run,
      "mP@5": retrieval?.mp5,
      "mP@5, 95 %": retrieval?.intervals && intervalText(retrieval.intervals.mp5),
      "R@1": retrieval?.r1,
      settings: [configName, changesText(changedSettings(config))].filter(Boolean).join(": "),
      stage,
      state: view.state,
      epoch: step?.epoch,
      steps: step ? `${step.step}/${step.totalSteps}` : "",
      loss: step?.loss,
      "top-1": validation?.top1,
      "baseline mP@5": view.baseline?.mp5,
      "backbone mP@5": retrieval?.untrained?.backbone?.mp5,
      "whitened mP@5": retrieval?.untrained?.whitened?.mp5,
      verdict: retrieval && (gainOf(retrieval) ?? 0) < 0 ? WORSE : undefined,
      "scored on": retrieval && shortScoredOn(retrieval.on),
      "lr head": initLr,
      "lr backbone": stage === "frozen" ? 0 : initLr * backboneLrFactor,
      MB: Number((bytesBelow(folder) / 2 ** 20).toFixed(1)),
      when: lastChange(folder),
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const state = messageOf(error);
    return { run, settings: "", stage: "", state, steps: "", when: lastChange(folder) };
  }
}

/** Returns the time of the last metric, "2026-01-31 12:34"; "" if there is none. */
function lastChange(folder: string): string {
  const changed = statSync(runFile(folder, "metrics"), { throwIfNoEntry: false })?.mtime;
  return changed ? changed.toISOString().slice(0, 16).replace("T", " ") : "";
}
