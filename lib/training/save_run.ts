// Which checkpoints a run keeps, and when.

import { dropReplaced } from "../common/files/replace";
import { isBest, isDue, keepLast } from "../runs/run_checkpoints";
import { readMetrics, runFile } from "../runs/run_folder";
import { saveCheckpoint } from "../runs/store";
import type { Run } from "./active_run";

/** Writes `last` after a step (the run that this one replaces goes with the first), and keeps it as `step_N` where that is due. @throws UserError when a weight is NaN or infinite */
export async function saveLast(run: Run): Promise<void> {
  const { trainer } = run.setup;
  await trainer.assertFinite();
  await saveCheckpoint(runFile(run.folder, "last"), trainer.stored, trainer.stepsDone);
  dropReplaced(run.folder);
  await keepStep(run);
}

/** Keeps `last` as `step_N` where that is due: after it was written, and once more by a run that was killed between. */
export async function keepStep(run: Run): Promise<void> {
  const { stepsDone } = run.setup.trainer;
  if (isDue(stepsDone, run.config.keepEverySteps))
    await keepLast(run.folder, run.config, `step_${stepsDone}`);
}

/** After an epoch's evaluation: keeps `last` as `epoch_N` where that is due, and as `best` where it is. */
export async function keepEpoch(run: Run, epoch: number): Promise<void> {
  const { folder, config } = run;
  if (isDue(epoch, config.cpktEpoch)) await keepLast(folder, config, `epoch_${epoch}`);
  if (isBest(readMetrics(folder), epoch, config)) await keepLast(folder, config, "best");
}
