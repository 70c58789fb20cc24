// Estimates a run before it starts: memory by formula, time from the machine's rate of matrix products.
import { existsSync } from "node:fs";
import type { DataSettings } from "../config/data";
import { atEvaluationSize, type ModelSettings } from "../config/model";
import type { EstimateSettings, FileFeatureSettings, MemorySettings } from "../config/parts";
import { tablePath } from "../config/paths";
import { processCount } from "../config/processes";
import { measureProductRate } from "../engine/program/product_rate";
import { readSummary } from "../features/feature_files";
import { featureFolder } from "../features/features";
import { headShapes, rowsPerClass } from "../model/head";
import { adapterShapes } from "../model/lora";
import type { Tower } from "../model/tower";
import { findTower, parameterCount, towerShapes } from "../model/towers";
import { featureLength } from "../model/vit";
import { adaptersOf, TOWER_PREFIX } from "../model/weight_names";
import { epochLength } from "./data/epoch_rows";
import { distinctFiles, readRunData } from "./data/read_run_data";
import type { RunData } from "./data/run_data";
import { trainedShapes } from "./preset_graphs";
import { averagesOf } from "./step/averages";
import { trainedNames } from "./step/step";
import { activationBytes, forwardFlops } from "./tower_cost";

/** The expected cost of a run. Times are for one process on an otherwise idle machine. */
export interface RunEstimate {
  /** Number of all weights. */
  parameters: number;
  /** Number of the weights that the run trains. */
  trained: number;
  /** Peak memory of a process. */
  memoryMB: number;
  secondsPerStep: number;
  imagesPerSecond: number;
  /** Undefined, like all below, if the training table is missing or the config names its features. */
  steps?: number;
  /** Time for the features of all images, once before the first step; 0 if they are cached. */
  featureSeconds?: number;
  trainingSeconds?: number;
  /** Time for the evaluations after all epochs. */
  evaluationSeconds?: number;
}

/**
 * Operations other than matrix products (sums, norms, activations) cost T x D, products T x D^2. They add a share
 * OVERHEAD / D to the products' time. Fitted to ViT-S/14 and ViT-B/16 on a CPU.
 */
const FORWARD_OVERHEAD = 95;
const STEP_OVERHEAD = 120;
/** Memory of a process with TensorFlow, tfjs and the tables. */
const PROCESS_MB = 600;
/** Fixed time of a step, on cached features and with the tower. */
const SECONDS_PER_STEP = { frozen: 0.0017, fine_tune: 0.0045 };
/** Time per number of a batch of cached features, for its dropout mask and its way into the session. */
const SECONDS_PER_FEATURE = 10e-9;
const BYTES = 4;
const MB = 2 ** 20;

/**
 * Estimates a run. Memory is within about 15 % of measurements on CPUs, time within about 25 %. bfloat16 counts as
 * float32. Nothing was measured on a GPU yet.
 * @param flopsPerSecond rate of matrix products; default: measured now, in about a second
 * @throws UserError if the tower does not exist, or cannot take the image size
 * @example
 * const { memoryMB, secondsPerStep } = await estimateRun(preset("demo", "frozen"));
 */
export async function estimateRun(config: EstimateSettings, flopsPerSecond?: number): Promise<RunEstimate> {
  const rate = flopsPerSecond ?? (await measureProductRate(findTower(config.tower).width));
  return estimateOf(config, rate, await imageCounts(config));
}

/**
 * Estimates a run at once, from what `estimateRun` reads and measures first.
 * @param rate floating point operations per second of matrix products
 * @param tables counts of the run's tables; undefined if they are missing
 */
export function estimateOf(
  config: EstimateSettings,
  rate: number,
  tables: ImageCounts | undefined,
): RunEstimate {
  const tower = findTower(config.tower);
  const counts = parameterCounts(config, tower, tables?.classes ?? 0);
  const forwardSeconds = passSeconds(config, tower, rate, { overhead: FORWARD_OVERHEAD });
  const secondsPerStep = stepSeconds(config, tower, tables?.classes ?? 0, rate);
  const common = {
    ...counts,
    memoryMB: Math.round(memoryBytes(config, tower, counts, tables?.distinct ?? 0) / MB),
    secondsPerStep,
    imagesPerSecond: config.batchSize / secondsPerStep,
  };
  if (!tables) return common;
  const steps = config.nEpochs * epochLength(config, tables.rows, processCount(config)).steps;
  const atSize = atEvaluationSize(config);
  const evaluationPass = passSeconds(atSize, tower, rate, { overhead: FORWARD_OVERHEAD });
  const evaluated = tables.validation + tables.queries + tables.index;
  const kinds = 1 + averagesOf(config).length;
  const isFrozen = config.stage === "frozen";
  return {
    ...common,
    steps,
    featureSeconds: isFrozen ? forwardSeconds * imagesToEmbed(config, tables) : 0,
    trainingSeconds: steps * secondsPerStep,
    evaluationSeconds: isFrozen ? 0 : config.nEpochs * kinds * evaluated * evaluationPass,
  };
}

/** Estimates the time for the backbone's features of a run's images; 0 if they are cached. */
export async function estimateFeatureSeconds(
  config: Pick<EstimateSettings, "tower" | "holdOutShare"> & FileFeatureSettings,
  data: RunData,
): Promise<number> {
  const images = imagesToEmbed(config, countsOf(data));
  if (images === 0) return 0;
  const tower = findTower(config.tower);
  const rate = await measureProductRate(tower.width);
  return images * passSeconds(config, tower, rate, { overhead: FORWARD_OVERHEAD });
}

/** Counts of a training table that memory depends on. */
export interface TableCounts {
  classes: number;
  /** Distinct training and validation images. */
  distinct: number;
}

/** Estimates the peak memory of a run's process on a CPU, within about 15 %. */
export function estimateMemoryBytes(config: MemorySettings, { classes, distinct }: TableCounts): number {
  const tower = findTower(config.tower);
  return memoryBytes(config, tower, parameterCounts(config, tower, classes), distinct);
}

/** Counts of the tables of a run. */
export interface ImageCounts extends TableCounts {
  /** Training rows. */
  rows: number;
  validation: number;
  queries: number;
  index: number;
}

/** Counts the images of a run's tables; undefined if the training table is missing or the config names its features. */
export async function imageCounts(config: EstimateSettings): Promise<ImageCounts | undefined> {
  if (config.features || !existsSync(tablePath(config))) return undefined;
  return countsOf(await readRunData(config));
}

function countsOf({ train, validation, classCount, retrieval }: RunData): ImageCounts {
  return {
    rows: train.files.length,
    classes: classCount,
    distinct: distinctFiles(train.files, validation.files).length,
    validation: validation.files.length,
    queries: retrieval?.queries.files.length ?? 0,
    index: retrieval?.index.files.length ?? 0,
  };
}

function parameterCounts(
  config: MemorySettings,
  tower: Tower,
  classes: number,
): Pick<RunEstimate, "parameters" | "trained"> {
  const shapes = Object.values(headShapes(config, featureLength(tower, config), classes));
  const numbers = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1);
  const sum = (all: readonly (readonly number[])[]) =>
    all.reduce((total, shape) => total + numbers(shape), 0);
  const head = sum(shapes);
  const adapters = config.stage === "frozen" ? new Map<string, number[]>() : adapterShapes(tower, config);
  const ofTower = new Map(
    [...trainedShapes(tower), ...adapters].map(([name, shape]) => [TOWER_PREFIX + name, shape] as const),
  );
  const trained = trainedNames(ofTower, config).map((name) => ofTower.get(name)!);
  return {
    parameters: parameterCount(tower) + head + sum([...adapters.values()]),
    trained: head + (config.stage === "frozen" ? 0 : sum(trained)),
  };
}

/** Sums weights, AdamW's moments, averages, gradients, and the activations of a piece of the batch. */
function memoryBytes(
  config: MemorySettings,
  tower: Tower,
  { parameters, trained }: Pick<RunEstimate, "parameters" | "trained">,
  distinctImages: number,
): number {
  const pieces = config.accumulationSteps;
  const averages = averagesOf(config).length;
  const copies = 3 + averages + (pieces > 1 ? 1 : 0);
  const held = PROCESS_MB * MB + copies * trained * BYTES;
  if (config.stage === "frozen") return held + distinctImages * featureLength(tower, config) * BYTES;
  const fixed = ((1 + averages) * (parameters - trained) + mergedCount(config, tower)) * BYTES;
  const { imageSize, gradientCheckpointing, patchDropout } = config;
  const ofImage = activationBytes(tower, imageSize, {
    ...{ gradientCheckpointing, patchDropout },
    blocks: config.trainedBlocks || tower.layers,
  });
  return held + fixed + (config.batchSize / pieces) * ofImage;
}

/** Returns the number of weights in the matrices that have adapters: a step makes a merged copy of them. */
function mergedCount(config: MemorySettings, tower: Tower): number {
  const adapters = adapterShapes(tower, config);
  const matrices = [...towerShapes(tower)].filter(([name]) => adapters.has(adaptersOf(name)[0]));
  return matrices.reduce((sum, [, [rows, columns]]) => sum + rows! * columns!, 0);
}

/** Returns the time of one image's forward pass through the tower, or through its last blocks. */
function passSeconds(
  { imageSize }: Pick<ModelSettings, "imageSize">,
  tower: Tower,
  rate: number,
  { overhead, ...part }: { overhead: number; lastBlocks?: number | undefined; patchDropout?: number },
): number {
  return (forwardFlops(tower, imageSize, part) / rate) * (1 + overhead / tower.width);
}

/**
 * Returns the time of a step. The backward pass costs twice the forward pass, which gradient checkpointing repeats; it
 * covers only the blocks that learn.
 */
function stepSeconds(config: MemorySettings, tower: Tower, classes: number, rate: number): number {
  const { batchSize, stage, embeddingDim, gradientCheckpointing, patchDropout } = config;
  const features = featureLength(tower, config);
  const headProducts = 6 * batchSize * embeddingDim * (features + classes * rowsPerClass(config));
  const fixed = SECONDS_PER_STEP[stage] + (headProducts / rate) * (1 + STEP_OVERHEAD / embeddingDim);
  if (stage === "frozen") return fixed + batchSize * features * SECONDS_PER_FEATURE;
  const part = { overhead: STEP_OVERHEAD, patchDropout };
  const forward = passSeconds(config, tower, rate, part);
  const lastBlocks = config.trainedBlocks || undefined;
  const learning = passSeconds(config, tower, rate, { ...part, lastBlocks });
  return fixed + batchSize * (forward + (gradientCheckpointing ? 3 : 2) * learning);
}

/**
 * Counts the images without cached features; a cache counts if it has the right number of rows. Held-out training classes
 * have theirs among those of the training images.
 */
function imagesToEmbed(
  config: FileFeatureSettings & Pick<DataSettings, "holdOutShare">,
  { distinct, queries, index }: ImageCounts,
): number {
  const parts =
    config.holdOutShare > 0 ? { train: distinct + queries + index } : { train: distinct, queries, index };
  const sets = Object.entries(parts);
  const missing = sets.filter(([set, count]) => readSummary(featureFolder(config, set))?.count !== count);
  return missing.reduce((sum, [, count]) => sum + count, 0);
}
