// Settings of checkpoints and logs: what a run writes and keeps, and how often.
import { z } from "zod";
import { count, countOrZero, type SettingsOf, setting } from "./setting";

/** The rows of the checkpoint and log settings. */
export const CHECKPOINTS = {
  /** Write a checkpoint `epoch_N` every this many epochs; 0 = only `best` and `last`. */
  cpktEpoch: setting(countOrZero, 10),
  /**
   * Renew the checkpoint `last` every this many steps and at the end of each epoch; 0 = only at the end of
   * each epoch.
   */
  cpktSteps: setting(countOrZero, 1000),
  /** Write a log line every this many steps. */
  nBatchLog: setting(count, 300),
  /** Write a checkpoint `step_N` every this many steps; 0 = none. */
  keepEverySteps: setting(countOrZero, 0),
  /**
   * Number of the newest `epoch_N` and `step_N` checkpoints to keep (0 = all); `best` and `last` are always
   * kept.
   */
  keepCheckpoints: setting(countOrZero, 3),
  /**
   * Score that selects `best`: mP@5 on held-out classes (top-1 if none are held out), or top-1; the highest
   * wins.
   */
  bestBy: setting(z.enum(["mp5", "top1"]), "mp5"),
  /** Weights whose score selects `best`: the raw weights of the last step, their EMA, or their SWA. */
  bestOf: setting(z.enum(["raw", "ema", "swa"]), "raw"),
};

/** Settings of checkpoints and logs. */
export interface CheckpointSettings extends SettingsOf<typeof CHECKPOINTS> {}
