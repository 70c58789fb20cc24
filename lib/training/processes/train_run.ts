// Trains a begun run to its end: in this process, or in the number of processes of its config.
import { UserError } from "../../common/errors";
import { processCount } from "../../config/processes";
import { describeDevice, device } from "../../engine/native/device";
import type { ClusterSpec } from "../../engine/session/cluster";
import { neckDifference } from "../../model/neck";
import { readRunConfig } from "../../runs/run_folder";
import type { RunSummary } from "../../runs/run_summary";
import { bringBack } from "../../runs/start_folder";
import type { BegunRun } from "../begin_run";
import { runTraining } from "../run";
import { type SupervisorOptions, superviseRun } from "./supervisor";

/** How a begun run is trained. */
export interface TrainRunOptions extends SupervisorOptions {
  /** The processes of a launcher on several hosts. */
  cluster?: ClusterSpec | undefined;
  /** Go on with a fresh head. */
  reinitHead?: boolean;
}

/**
 * Trains a run that `beginRun` has begun, and gives up its claim. If the run ends before its first checkpoint, the run
 * that it should replace comes back.
 * @throws UserError for a fresh head in several processes, or restarts of one process
 */
export async function trainRun({ folder, claim }: BegunRun, options: TrainRunOptions): Promise<RunSummary> {
  try {
    return await trainClaimed({ folder, claim }, options);
  } finally {
    bringBack(folder, "it did not begin");
    claim.release();
  }
}

async function trainClaimed(
  { folder, claim }: BegunRun,
  { cluster, reinitHead = false, ...watch }: TrainRunOptions,
): Promise<RunSummary> {
  const config = readRunConfig(folder);
  const note = neckDifference(config);
  if (note) watch.say?.(note);
  const isOne = processCount(config) === 1;
  if (!isOne && reinitHead)
    throw new UserError(
      "A run can resume with a fresh head only in one process.",
      "Add --processes 1; after its first checkpoint the run may be stopped and resumed in several.",
    );
  if (!isOne) return superviseRun(folder, watch, cluster, claim);
  if (watch.maxRestarts && process.env.TF_CONFIG === undefined)
    throw new UserError(
      "--max-restarts: of no use with one process, which is not supervised.",
      "Leave it out, or give --processes 2.",
    );
  watch.say?.(describeDevice(device(config.gpus)));
  const { onProgress, signal } = watch;
  return runTraining(folder, { onProgress, signal, reinitHead, claimed: claim });
}
