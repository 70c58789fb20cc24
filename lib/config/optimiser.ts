// Steps, epochs, learning rates and averages of the weights.
import { z } from "zod";
import { count, countOrZero, positive, type SettingsOf, setting } from "./setting";

/** How a run takes its steps. */
export const OPTIMISER = {
  batchSize: setting(
    count,
    32,
    "Images of an optimiser step in each process: all together see `batchSize` x `processes`.",
  ),
  accumulationSteps: setting(
    count,
    1,
    "Number of pieces in which a batch is computed: the memory of one piece, the result of the whole batch.",
  ),
  precision: setting(
    z.enum(["float32", "bfloat16", "float16"]),
    "float32",
    "Number format of the tower's matrix products; weights, sums, softmax and loss stay float32.",
  ),
  gradientCheckpointing: setting(
    z.boolean(),
    false,
    "Compute each block's forward pass again in the backward pass: less memory, slower.",
  ),
  nEpochs: setting(count, 10, "Epochs of the run."),
  frozenEpochs: setting(countOrZero, 0, "Number of final epochs that train with the backbone frozen."),
  warmUpEpochs: setting(countOrZero, 1, "Epochs of linear warm-up of the `original` schedule."),
  lrSchedule: setting(
    z.enum(["original", "cosine"]),
    "original",
    "`original`: the original's schedule, one value per epoch after the warm-up; `cosine`: a value per step, from a 10 % warm-up down to `finalLr`.",
  ),
  trainedBlocks: setting(
    countOrZero,
    0,
    "`fine_tune`: number of last blocks of the backbone that learn, with all that follows them; 0 = the whole backbone.",
  ),
  initLr: setting(positive, 1e-4, "Learning rate of neck and head."),
  finalLr: setting(z.number().nonnegative(), 0, "Last learning rate of the `cosine` schedule."),
  backboneLrFactor: setting(z.number().min(0).max(1), 1e-3, "Backbone's learning rate / `initLr`."),
  weightDecay: setting(z.number().nonnegative(), 1e-5, "AdamW's decoupled weight decay, of all weights."),
  emaDecay: setting(
    z.number().min(0).lt(1),
    0,
    "Decay of the exponential moving average of the weights (EMA), updated after every step; 0 = no EMA.",
  ),
  swaStartEpoch: setting(
    countOrZero,
    0,
    "First epoch whose final weights enter a plain mean (SWA), with those of all later epochs; 0 = no SWA.",
  ),
  maxStepsPerEpoch: setting(countOrZero, 0, "Most steps of an epoch; 0 = the whole epoch."),
};

/** The settings of the optimiser. */
export interface OptimiserSettings extends SettingsOf<typeof OPTIMISER> {}

/** The settings that say how large a batch is, and in how many pieces it is computed. */
export type BatchSettings = Pick<OptimiserSettings, "batchSize" | "accumulationSteps">;

/** The settings that give a step its learning rate. */
export type ScheduleSettings = Pick<
  OptimiserSettings,
  "lrSchedule" | "initLr" | "finalLr" | "nEpochs" | "warmUpEpochs"
>;

/** The settings that say which averages of the weights there are. */
export type AverageSettings = Pick<OptimiserSettings, "emaDecay" | "swaStartEpoch">;
