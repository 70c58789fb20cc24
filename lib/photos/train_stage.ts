// Trains one stage of a model on a person's images to its end.
import { Interrupted } from "../common/interrupt";
import type { overrideConfig } from "../config/config";
import type { RunSummary } from "../runs/run_summary";
import { beginRun } from "../training/begin_run";
import type { SupervisorOptions } from "../training/processes/supervisor";
import { trainRun } from "../training/processes/train_run";

/** Options of training a stage. */
export interface TrainStageOptions extends Omit<SupervisorOptions, "maxRestarts"> {
  /** Replace a run of this name that has other settings or was made of other images. */
  overwrite?: boolean | undefined;
}

/**
 * Trains a run to its end, or goes on where it stopped; a finished one is left as it is.
 * @throws UserError if a run of this name has other settings or data
 * @throws Interrupted if it was stopped: its state is saved
 */
export async function trainStage(
  config: ReturnType<typeof overrideConfig>,
  { overwrite, ...options }: TrainStageOptions = {},
): Promise<RunSummary> {
  const summary = await trainRun(beginRun(config, { overwrite }), options);
  if (summary.reason === "stopped")
    throw new Interrupted(
      `${config.runName} is saved at step ${summary.steps}; the same call goes on from there.`,
    );
  return summary;
}
