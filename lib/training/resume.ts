// Starts a run at its initial weights, or resumes it from its last checkpoint.
import { existsSync } from "node:fs";
import { isOfHead } from "../model/weight_names";
import { findCheckpoint } from "../runs/checkpoint_ref";
import { logLine, rewindMetrics, runFile } from "../runs/run_folder";
import { readNote, WITHOUT_NOTE } from "../runs/run_note";
import { restoreCheckpoint } from "../runs/store";
import type { Run } from "./active_run";
import type { TrainingSetup } from "./build";
import { noteRun } from "./note_run";
import { refuseOtherShape } from "./start_weights";

/** Restores the last checkpoint, if any, and notes the inputs of a new run. */
export async function startOrResume(
  { folder, config }: Pick<Run, "folder" | "config">,
  setup: TrainingSetup,
  reinitHead: boolean,
): Promise<void> {
  const isNew = !existsSync(runFile(folder, "last"));
  await resume(folder, setup, reinitHead);
  if (isNew) {
    const start = config.initFrom === "" ? undefined : findCheckpoint(config.initFrom).folder;
    noteRun(folder, config, setup.data, start);
  } else if (reinitHead) noteRun(folder, config, setup.data, folder);
  else if (!readNote(folder)) logLine(folder, `This run was ${WITHOUT_NOTE}`);
}

/** Restores the last checkpoint, if any. @param reinitHead restore all but the head, which stays fresh */
async function resume(folder: string, { trainer }: TrainingSetup, reinitHead: boolean): Promise<void> {
  const path = runFile(folder, "last");
  if (existsSync(path)) {
    trainer.stepsDone = await restoreCheckpoint(
      path,
      trainer.stored,
      (name, found, expected) => refuseOtherShape(path, name, found, expected, trainer.config),
      (name) => !(reinitHead && isOfHead(name)),
    );
    if (reinitHead) await trainer.resetAverages(isOfHead);
    const head = reinitHead ? ", with a fresh head" : "";
    logLine(folder, `Resumed after step ${trainer.stepsDone} of ${trainer.totalSteps}${head}`);
  }
  rewindMetrics(folder, trainer.stepsDone);
}
