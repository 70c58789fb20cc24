// Settings of the processes that train one run together.
import { z } from "zod";
import { count, countOrZero, positive, type SettingsOf, setting } from "./setting";

/** The rows of the process settings. */
export const PROCESSES = {
  /**
   * Number of processes that train together on this host's CPU; if `gpus` names GPUs, their number counts
   * instead.
   */
  processes: setting(count, 1),
  /**
   * GPUs of this host that train together, by number (0,1,2), one process each; none: the GPU that
   * TensorFlow chooses.
   */
  gpus: setting(z.array(countOrZero).readonly(), []),
  /** Size of the buckets in which processes exchange gradients, MB (approximate). */
  bucketMB: setting(positive, 25),
  /** Number format in which processes exchange gradients. */
  gradientDtype: setting(z.enum(["float32", "bfloat16"]), "float32"),
  /** Shard the head: each process holds the rows of its share of the classes. For very many classes. */
  shardHead: setting(z.boolean(), false),
  /**
   * With `shardHead`, in several processes: share of the classes in a step's softmax, which always has the
   * classes of the step's images; 1 = all.
   */
  classShare: setting(z.number().gt(0).max(1), 1),
};

/** Settings of processes that train together. */
export interface ProcessSettings extends SettingsOf<typeof PROCESSES> {}

/** Settings of the number of processes and of their devices. */
export type PlaceSettings = Pick<ProcessSettings, "processes" | "gpus">;

/** Settings of the gradient exchange. */
export type BucketSettings = Pick<ProcessSettings, "bucketMB" | "gradientDtype">;

/** Settings of the sharded head. */
export type ShardSettings = Pick<ProcessSettings, "shardHead" | "classShare">;

/** Returns the number of processes that train a run together. */
export function processCount({ gpus, processes }: PlaceSettings): number {
  return gpus.length || processes;
}
