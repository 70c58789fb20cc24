// Saves a run's checkpoints, and keeps those that are due.

import { dropReplaced } from "../common/files/replace";
import { isBest, isDue, keepLastAs } from "../runs/kept_checkpoints";
import { readMetrics, runFile } from "../runs/run_folder";
import { saveCheckpoint } from "../runs/store";
import type { Run } from "./active_run";

/**
 * Writes `last` after a step, and keeps it as `step_N` if due. The first one deletes the run that this run replaces.
 * @throws UserError if a weight is NaN or infinite
 */
export async function saveLast(run: Run): Promise<void> {
  const { trainer } = run.setup;
  await trainer.assertFinite();
  await saveCheckpoint(runFile(run.folder, "last"), trainer.stored, trainer.stepsDone);
  dropReplaced(run.folder);
  await keepStep(run);
}

/** Keeps `last` as `step_N` if due: after writing it, and again on resuming, in case the run was killed in between. */
export async function keepStep(run: Run): Promise<void> {
  const { stepsDone } = run.setup.trainer;
  if (isDue(stepsDone, run.config.keepEverySteps))
    await keepLastAs(run.folder, run.config, `step_${stepsDone}`);
}

/** Keeps `last` as `epoch_N` if due, and as `best` if it is, after the epoch's evaluation. */
export async function keepEpoch(run: Run, epoch: number): Promise<void> {
  const { folder, config } = run;
  if (isDue(epoch, config.cpktEpoch)) await keepLastAs(folder, config, `epoch_${epoch}`);
  if (isBest(readMetrics(folder), epoch, config)) await keepLastAs(folder, config, "best");
}
