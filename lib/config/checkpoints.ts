// Which checkpoints a run writes and keeps, and how often it logs.
import { z } from "zod";
import { count, countOrZero, type SettingsOf, setting } from "./setting";

/** Checkpoints and log lines. */
export const CHECKPOINTS = {
  cpktEpoch: setting(
    countOrZero,
    10,
    "Write a checkpoint `epoch_N` every this many epochs; 0 = only `best` and `last`.",
  ),
  cpktSteps: setting(
    countOrZero,
    1000,
    "Renew the checkpoint `last` every this many steps and at the end of each epoch; 0 = only there.",
  ),
  nBatchLog: setting(count, 300, "Write a log line every this many steps."),
  keepEverySteps: setting(countOrZero, 0, "Write a checkpoint `step_N` every this many steps; 0 = none."),
  keepCheckpoints: setting(
    countOrZero,
    3,
    "How many of the newest `epoch_N` and `step_N` checkpoints to keep (0 = all); `best` and `last` always stay.",
  ),
  bestBy: setting(
    z.enum(["mp5", "top1"]),
    "mp5",
    "Score that chooses `best`: the highest mP@5 on held-out classes (top-1 where none are held out), or the highest top-1.",
  ),
  bestOf: setting(
    z.enum(["raw", "ema", "swa"]),
    "raw",
    "Weights whose score chooses `best`: those of the last step, their EMA, or their SWA.",
  ),
};

/** The settings of checkpoints and logs. */
export interface CheckpointSettings extends SettingsOf<typeof CHECKPOINTS> {}
