// The processes that train one run, and what they share.
import { z } from "zod";
import { count, countOrZero, positive, type SettingsOf, setting } from "./setting";

/** How several processes train together. */
export const PROCESSES = {
  processes: setting(
    count,
    1,
    "Processes that train together on this host's CPU; where `gpus` names GPUs, their number counts instead.",
  ),
  gpus: setting(
    z.array(countOrZero).readonly(),
    [],
    "GPUs of this host that train together, by number (0,1,2), one process each; none: the one that TensorFlow takes.",
  ),
  bucketMB: setting(
    positive,
    25,
    "Size of the buckets in which gradients go to the other processes, MB (approximate).",
  ),
  gradientDtype: setting(
    z.enum(["float32", "bfloat16"]),
    "float32",
    "Number format in which processes send each other gradients.",
  ),
  shardHead: setting(
    z.boolean(),
    false,
    "Each process holds the head's rows of its share of the classes: for very many classes.",
  ),
  classShare: setting(
    z.number().gt(0).max(1),
    1,
    "With `shardHead`, in several processes: share of the classes in a step's softmax, always with those of its images; 1 = all.",
  ),
};

/** The settings of processes that train together. */
export interface ProcessSettings extends SettingsOf<typeof PROCESSES> {}

/** The settings that say how many processes there are, and on what. */
export type PlaceSettings = Pick<ProcessSettings, "processes" | "gpus">;

/** The settings that say how gradients travel. */
export type BucketSettings = Pick<ProcessSettings, "bucketMB" | "gradientDtype">;

/** The settings that say how processes share the head. */
export type ShardSettings = Pick<ProcessSettings, "shardHead" | "classShare">;

/** Returns the number of processes that train a run together. */
export function processCount({ gpus, processes }: PlaceSettings): number {
  return gpus.length || processes;
}
