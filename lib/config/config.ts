import { z } from "zod";
import { nearestName, UserError } from "../common/errors";

/**
 * Everything that decides a training run. Names follow the original's flags (`--init-lr` is `initLr`).
 * A config is made by a preset function, overridden field by field, checked once, then frozen.
 */
export interface TrainConfig {
  /** The preset it came from (`--config-name`). */
  configName: string;
  /** `frozen`: neck and head on cached features of the frozen backbone; `fine_tune`: all parts on images. */
  stage: "frozen" | "fine_tune";
  /** Name of the run's folder below `checkpoints/`. */
  runName: string;
  /** Folder with the pipeline's files; all paths in its CSV files are relative to it. */
  dataDir: string;
  /**
   * Features that the frozen stage trains on (`guie embed --out`): with labels, or a folder of such, train, queries
   * and index; "" for those that it makes of the training table's images.
   */
  features: string;
  /** Training table below `dataDir` (`--csv-dir`). */
  csv: string;
  /** The fold that validates (0-based number in the column `fold`). */
  fold: number;
  /**
   * Share of the training classes that the run does not learn but is scored on in place of `retrieval/`, drawn by the
   * seed: to choose settings without a look at the classes that are reported; 0 = none.
   */
  holdOutShare: number;
  /** Seed of everything random: first weights, order, augmentation, dropout. */
  seed: number;

  /** Row of the table of towers. */
  tower: string;
  /** Safetensors file of the tower, or `random` for a freshly initialised one (tests only). */
  weights: string;
  /** Side of the square input, px. */
  imageSize: number;
  /** The features are those of this many last blocks, side by side; most towers': their class tokens. */
  lastBlocks: number;
  /** Behind them stands the mean of the last block's patch tokens. */
  patchMean: boolean;
  /** Whether features are standardised by the training set's mean and deviation before the neck. */
  standardise: boolean;
  /** `simple`: one linear layer; `norm_single_linear`: batch norm before it; `norm_double_linear`: twice `embeddingDim` wide between (the original's dropout there: .3). */
  neck: "simple" | "norm_single_linear" | "norm_double_linear";
  /** Dropout before the neck's linear layer. */
  dropout: number;
  /** Length of the embedding. */
  embeddingDim: number;
  /** `Arc_face`: one row a class; `Sub_Arc_face`: several, of which the nearest counts. */
  head: "Arc_face" | "Sub_Arc_face";
  /** Rows a class of `Sub_Arc_face`. */
  subCentres: number;

  /** `ArcFace`: the margin is added to the angle; `CosFace`: it is taken from the cosine. */
  loss: "ArcFace" | "CosFace";
  /** Scale s of the loss. */
  s: number;
  /** Margin of the first epoch, radians. */
  margin: number;
  /** Growth of the margin per epoch. */
  marginStep: number;
  /** Where it stops growing. */
  marginMax: number;
  /** Larger classes have less of the margin (`marginShares`). */
  classSizeMargin: boolean;

  /** Processes that train together on this host, on its CPU; `gpus` counts them where it names any. */
  workers: number;
  /** GPUs of this host that train together, by their numbers, a process each; [] = the one that TensorFlow takes. */
  gpus: readonly number[];
  /** Gradients go to the other processes in buckets of about this size. */
  bucketMB: number;
  /** What gradients are sent in between processes. */
  gradientDtype: "float32" | "bfloat16";
  /** Each process holds the head's rows of its share of the classes: for very many of them. */
  shardHead: boolean;
  /**
   * With `shardHead`, in several processes: share of the classes that a step's softmax runs over, its images' own
   * among them; 1 = all.
   */
  classShare: number;

  /** Images of an optimizer step in one process: together the processes see `workers` times as many. */
  batchSize: number;
  /** A batch goes through in this many pieces: the memory of one, the result of all. */
  accumulationSteps: number;
  /** What the tower's matrix products compute in; weights, sums, softmax and loss stay float32. */
  precision: "float32" | "bfloat16" | "float16";
  /** Compute each block's forward pass again in the backward pass: less memory, slower. */
  gradientCheckpointing: boolean;
  /** Epochs of the run. */
  nEpochs: number;
  /** Of them the last ones, in which the backbone no longer learns. */
  frozenEpochs: number;
  /** Epochs of linear warm-up of the `seed` schedule. */
  warmUpEpochs: number;
  /** `seed`: the original's, one value an epoch after the warm-up; `cosine`: per step, from a 10 % warm-up down to `finalLr`. */
  lrSchedule: "seed" | "cosine";
  /** `fine_tune`: of the backbone only this many last blocks learn, and what stands behind them; 0 = all of it. */
  trainedBlocks: number;
  /** Learning rate of neck and head. */
  initLr: number;
  /** Where the `cosine` schedule ends. */
  finalLr: number;
  /** Backbone's learning rate = initLr x this. */
  backboneLrFactor: number;
  /** AdamW's decoupled weight decay, of all weights. */
  weightDecay: number;
  /** Decay of the exponential moving average of the weights (EMA), taken after every step; 0 = none. */
  emaDecay: number;
  /** From the end of this epoch on, each epoch's weights go into a plain mean (SWA); 0 = none. */
  swaStartEpoch: number;
  /** Stop an epoch after this many steps; 0 = the whole epoch. */
  maxStepsPerEpoch: number;
  /** A run (or `RUN/best`, `RUN/epoch_3:ema`, ...) whose neck, head and trained backbone are the start, or "". */
  initFrom: string;
  /** The head starts afresh although `initFrom` names a run, as it must where the classes are others. */
  reinitHead: boolean;

  /** Threads that read, decode and augment images (`--num-workers`). */
  numWorkers: number;
  /** Which rows an epoch shows: each once, every class equally often, or `samplesPerClass` in a row of a class. */
  sampler: "shuffle" | "class_balanced" | "m_per_class";
  /** For `m_per_class`; a divisor of `batchSize`. */
  samplesPerClass: number;
  /** A checkpoint `epoch_N` every this many epochs; 0 = none but `best` and `last` (`--cpkt_epoch`). */
  cpktEpoch: number;
  /** The last checkpoint is renewed every this many steps, and at the end of each epoch; 0 = only there. */
  cpktSteps: number;
  /** A log line every this many steps (`--n_batch_log`). */
  nBatchLog: number;
  /** A checkpoint `step_N` every this many steps; 0 = none. */
  keepEverySteps: number;
  /** So many `epoch_N` and so many `step_N` stay, the newest; 0 = all. `best` and `last` stay in any case. */
  keepCheckpoints: number;
  /** `best` is that of the highest mP@5 on held-out classes (top-1 where none are held out), or of the highest top-1. */
  bestBy: "mp5" | "top1";
  /** Whose score that is: the weights of the last step, their EMA, or their SWA. */
  bestOf: "raw" | "ema" | "swa";
}

const positive = z.number().positive();
const count = z.number().int().positive();
const countOrZero = z.number().int().nonnegative();
const share = z.number().min(0).max(1);

/** What each setting may be; the messages come from zod. */
const CHECKS = z.object({
  configName: z.string().min(1),
  stage: z.enum(["frozen", "fine_tune"]),
  runName: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "letters, digits, dot, dash and underscore only"),
  dataDir: z.string().min(1),
  features: z.string(),
  csv: z.string().min(1),
  fold: countOrZero,
  holdOutShare: z.number().min(0).lt(1),
  seed: z.number().int(),
  tower: z.string().min(1),
  weights: z.string().min(1),
  imageSize: count,
  lastBlocks: count,
  patchMean: z.boolean(),
  standardise: z.boolean(),
  neck: z.enum(["simple", "norm_single_linear", "norm_double_linear"]),
  dropout: z.number().min(0).lt(1),
  embeddingDim: count,
  head: z.enum(["Arc_face", "Sub_Arc_face"]),
  subCentres: count,
  loss: z.enum(["ArcFace", "CosFace"]),
  s: positive,
  margin: z
    .number()
    .min(0)
    .max(Math.PI / 2),
  marginStep: z.number().nonnegative(),
  marginMax: z
    .number()
    .min(0)
    .max(Math.PI / 2),
  classSizeMargin: z.boolean(),
  workers: count,
  gpus: z.array(countOrZero),
  bucketMB: positive,
  gradientDtype: z.enum(["float32", "bfloat16"]),
  shardHead: z.boolean(),
  classShare: z.number().gt(0).max(1),
  batchSize: count,
  accumulationSteps: count,
  precision: z.enum(["float32", "bfloat16", "float16"]),
  gradientCheckpointing: z.boolean(),
  nEpochs: count,
  frozenEpochs: countOrZero,
  warmUpEpochs: countOrZero,
  lrSchedule: z.enum(["seed", "cosine"]),
  trainedBlocks: countOrZero,
  initLr: positive,
  finalLr: z.number().nonnegative(),
  backboneLrFactor: share,
  weightDecay: z.number().nonnegative(),
  emaDecay: z.number().min(0).lt(1),
  swaStartEpoch: countOrZero,
  maxStepsPerEpoch: countOrZero,
  initFrom: z.string(),
  reinitHead: z.boolean(),
  numWorkers: count,
  sampler: z.enum(["shuffle", "class_balanced", "m_per_class"]),
  samplesPerClass: count,
  cpktEpoch: countOrZero,
  cpktSteps: countOrZero,
  nBatchLog: count,
  keepEverySteps: countOrZero,
  keepCheckpoints: countOrZero,
  bestBy: z.enum(["mp5", "top1"]),
  bestOf: z.enum(["raw", "ema", "swa"]),
}) satisfies z.ZodType<TrainConfig>;

/** What must hold between settings: [whether it is broken, the setting to name, what is wrong]. */
const RULES: readonly [(config: TrainConfig) => boolean, keyof TrainConfig, string][] = [
  [({ bestOf, emaDecay }) => bestOf === "ema" && emaDecay === 0, "bestOf", "there is no EMA (emaDecay is 0)"],
  [
    ({ bestOf, swaStartEpoch }) => bestOf === "swa" && swaStartEpoch === 0,
    "bestOf",
    "there is no SWA (swaStartEpoch is 0)",
  ],
  [({ swaStartEpoch, nEpochs }) => swaStartEpoch > nEpochs, "swaStartEpoch", "the run ends before (nEpochs)"],
  [
    ({ shardHead, precision }) => shardHead && precision === "float16",
    "shardHead",
    "it does not go with float16, whose loss each process would scale by itself: set precision to bfloat16",
  ],
];

/** How many processes train a run together. */
export function processCount({ gpus, workers }: Pick<TrainConfig, "gpus" | "workers">): number {
  return gpus.length || workers;
}

/** The names of all settings. */
export const SETTING_NAMES = Object.keys(CHECKS.shape) as (keyof TrainConfig)[];

/** Some settings of a TrainConfig; what is undefined is not set. */
export type ConfigOverrides = { [Setting in keyof TrainConfig]?: TrainConfig[Setting] | undefined };

/** @throws UserError for a name that is no setting's, with the nearest one */
export function requireSetting(name: string): void {
  if ((SETTING_NAMES as string[]).includes(name)) return;
  const near = nearestName(name, SETTING_NAMES);
  throw new UserError(
    `There is no setting "${name}".`,
    near ? `Did you mean "${near}"?` : `Known: ${SETTING_NAMES.join(", ")}.`,
  );
}

/**
 * Lays `overrides` over `config`, checks the result and freezes it. A setting that is undefined stays the config's.
 * @throws UserError for an unknown setting (with the nearest name) or a value that does not fit
 * @example
 * const config = overrideConfig(preset("demo", "frozen"), { nEpochs: 2 });
 */
export function overrideConfig(config: TrainConfig, overrides: ConfigOverrides = {}): Readonly<TrainConfig> {
  for (const name of Object.keys(overrides)) requireSetting(name);
  const set = Object.entries(overrides).filter(([, value]) => value !== undefined);
  const given = { ...config, ...Object.fromEntries(set) };
  const result = CHECKS.safeParse(given);
  const issues: [setting: string, message: string][] = result.success
    ? RULES.filter(([isBroken]) => isBroken(result.data)).map(([, setting, message]) => [setting, message])
    : result.error.issues.map(({ path, message }) => [String(path[0]), message]);
  if (result.success && issues.length === 0) return Object.freeze(result.data);
  const faults = issues.map(
    ([name, message]) => `${name} = ${JSON.stringify(given[name as keyof TrainConfig])}: ${message}`,
  );
  throw new UserError(
    `The config "${given.configName}" does not fit: ${faults.join("; ")}.`,
    "Mend these settings.",
  );
}
