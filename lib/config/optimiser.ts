// Settings of the optimiser: batches, epochs, learning rates and averages of the weights.
import { z } from "zod";
import { count, countOrZero, positive, type SettingsOf, setting } from "./setting";

/** The rows of the optimiser settings. */
export const OPTIMISER = {
  /** Images per optimiser step in each process; a step has `batchSize` x `processes` images in total. */
  batchSize: setting(count, 32),
  /**
   * Number of pieces in which a batch is computed: it needs the memory of one piece and gives the result of
   * the whole batch.
   */
  accumulationSteps: setting(count, 1),
  /** Number format of the tower's matrix products; weights, sums, softmax and loss stay float32. */
  precision: setting(z.enum(["float32", "bfloat16", "float16"]), "float32"),
  /** Recompute each block's forward pass in the backward pass: less memory, slower. */
  gradientCheckpointing: setting(z.boolean(), false),
  /** Number of epochs. */
  nEpochs: setting(count, 10),
  /** Number of final epochs that train with the backbone frozen. */
  frozenEpochs: setting(countOrZero, 0),
  /** Epochs of linear warm-up in the `original` schedule. */
  warmUpEpochs: setting(countOrZero, 1),
  /**
   * Learning rate schedule. `original`: the original's, one value per epoch after the warm-up; `cosine`:
   * one value per step, 10 % warm-up, then down to `finalLr`.
   */
  lrSchedule: setting(z.enum(["original", "cosine"]), "original"),
  /**
   * `fine_tune`: number of last blocks of the backbone that are trained, with everything after them; 0 =
   * the whole backbone.
   */
  trainedBlocks: setting(countOrZero, 0),
  /** Initial learning rate of neck and head. */
  initLr: setting(positive, 1e-4),
  /** Final learning rate of the `cosine` schedule. */
  finalLr: setting(z.number().nonnegative(), 0),
  /** Learning rate of the backbone / `initLr`. */
  backboneLrFactor: setting(z.number().min(0).max(1), 1e-3),
  /**
   * Learning rate of a layer of the backbone / that of the layer above it (BEiT, timm, open_clip); 1 = all alike. The
   * layers are patches with positions, each block, and the last norm, which has `backboneLrFactor`.
   */
  layerDecay: setting(positive.max(1), 1),
  /** AdamW's decoupled weight decay. */
  weightDecay: setting(z.number().nonnegative(), 1e-5),
  /**
   * Weights that decay: `all` (the original), or `matrices`: no biases, norms, scales and single tokens (open_clip,
   * timm).
   */
  weightDecayOn: setting(z.enum(["all", "matrices"]), "all"),
  /** AdamW's decay rate of the mean of the gradients (CLIP trains with 0.9). */
  beta1: setting(z.number().min(0).lt(1), 0.9),
  /** AdamW's decay rate of the mean of their squares (CLIP trains ViTs with 0.98). */
  beta2: setting(z.number().min(0).lt(1), 0.999),
  /**
   * Largest norm of all gradients together: longer ones are shortened to it (PyTorch's `clip_grad_norm_`); 0 = none.
   */
  clipNorm: setting(z.number().nonnegative(), 0),
  /** Decay of the exponential moving average of the weights (EMA), updated after every step; 0 = no EMA. */
  emaDecay: setting(z.number().min(0).lt(1), 0),
  /** First epoch of the plain mean (SWA) of the weights at the end of each epoch; 0 = no SWA. */
  swaStartEpoch: setting(countOrZero, 0),
  /** Maximum steps per epoch; 0 = the whole epoch. */
  maxStepsPerEpoch: setting(countOrZero, 0),
  /**
   * Least steps of the whole run: if there are too few images for them, each epoch goes through them several
   * times; 0 = once.
   */
  leastSteps: setting(countOrZero, 0),
};

/** Settings of the optimiser. */
export interface OptimiserSettings extends SettingsOf<typeof OPTIMISER> {}

/** Settings of the batch: its size, and the number of pieces in which it is computed. */
export type BatchSettings = Pick<OptimiserSettings, "batchSize" | "accumulationSteps">;

/** Settings of the number of epochs and of their steps. */
export type EpochSettings = Pick<OptimiserSettings, "nEpochs" | "maxStepsPerEpoch" | "leastSteps">;

/** Settings of the learning rate schedule. */
export type ScheduleSettings = Pick<
  OptimiserSettings,
  "lrSchedule" | "initLr" | "finalLr" | "nEpochs" | "warmUpEpochs"
>;

/** Settings of AdamW's two means. */
export type BetaSettings = Pick<OptimiserSettings, "beta1" | "beta2">;

/** Settings of the rates of groups of weights. */
export type GroupSettings = Pick<OptimiserSettings, "layerDecay" | "weightDecay"> & BetaSettings;

/** Settings of the averages of the weights. */
export type AverageSettings = Pick<OptimiserSettings, "emaDecay" | "swaStartEpoch">;
