// Builds a trainer from a config: data, weights, features. Shapes: N images, F features.

import { UserError } from "../common/errors";
import type { ProgressOptions } from "../common/progress";
import { pickRows, type Vectors } from "../common/vectors";
import { atEvaluationSize } from "../config/model";
import type { TrainingSettings } from "../config/parts";
import { dataFolder, tablePath } from "../config/paths";
import { tf } from "../engine/native/tf";
import { computeFeatures } from "../features/features";
import { standardisationBy } from "../features/standardise";
import { backboneOf } from "../model/backbone";
import { cachedFeatures, towerFeatures } from "../model/embedding_model";
import { freshAdapters } from "../model/lora";
import { patchCounts } from "../model/patch_dropout";
import { findTower, patchGrid } from "../model/towers";
import { featureLength, type Weights } from "../model/vit";
import { STANDARDISE_NAMES, storedName, TOWER_PREFIX, type WeightKind } from "../model/weight_names";
import { fromTensors, joinSources, withPrefix } from "../model/weight_source";
import { noticeOtherMode } from "../preprocessing/images_folder";
import { requireMemory } from "./capacity";
import { featureBatches, imageBatches } from "./data/batches";
import { type FrozenData, readFrozenData } from "./data/frozen_data";
import { requireLearnable } from "./data/learnable";
import { readRunData } from "./data/read_run_data";
import { filesAt, type RunData, type SetName } from "./data/run_data";
import { TarRows } from "./data/tar_rows";
import { Trainer } from "./loop/trainer";
import type { Ranks } from "./ranks/ranks";
import { headStartWeights, towerStartWeights } from "./start_weights";
import { averagesOf } from "./step/averages";
import type { UntrainedFeatures } from "./untrained";
import { startWhitened } from "./whitened_start";

/** A trainer, with the data and features to evaluate it. */
export interface TrainingSetup {
  trainer: Trainer;
  data: RunData;
  /**
   * Computes features of images with the current weights, [rows, F].
   * @param rows positions within the set, as in `data`; default: all
   * @param kind the raw weights (default), or an average
   */
  featuresOf(set: SetName, rows?: ArrayLike<number>, kind?: WeightKind): Promise<Vectors>;
  /** The untrained backbone's features, if the run trains on them. */
  untrained?: UntrainedFeatures;
}

/** Options of building a trainer. */
export interface BuildOptions extends ProgressOptions {
  /** The processes that train together, if there are several. */
  ranks?: Ranks | undefined;
}

/**
 * Builds the trainer of a config with its initial weights; the caller may then restore a checkpoint.
 * @example
 * const setup = await buildTraining(preset("demo", "frozen"));
 */
export async function buildTraining(
  config: TrainingSettings,
  options: BuildOptions = {},
): Promise<TrainingSetup> {
  patchGrid(findTower(config.tower), atEvaluationSize(config).imageSize); // throws for a size that does not fit
  noticeOtherMode(dataFolder(config), config.resizeMode);
  if (config.stage === "frozen") return buildFrozen(config, options);
  if (config.features) {
    throw new UserError(
      "fine_tune trains on images; features are for the frozen stage.",
      "Leave the setting features out, or train the frozen stage: npx guie train --stage frozen",
    );
  }
  const data = await readRunData(config);
  requireLearnable(data, config, tablePath(config));
  requireMemory(config, { classes: data.classCount, distinct: data.train.files.length });
  return buildFineTune(config, data, options);
}

/** Builds a trainer of neck and head on features of the frozen backbone. */
async function buildFrozen(
  config: TrainingSettings,
  { onProgress, ranks }: BuildOptions,
): Promise<TrainingSetup> {
  const { data, features, trainRows, featuresOf } = await readFrozenData(config, {
    onProgress,
    check: (data, distinct, source) => {
      requireLearnable(data, config, source);
      requireMemory(config, { classes: data.classCount, distinct });
    },
    ...(ranks ? { together: (share, whole) => ranks.inParts(share, whole) } : {}),
  });
  const trainer = await frozenTrainer(config, { data, features, trainRows }, ranks);
  return { trainer, data, featuresOf, untrained: { learned: features, featuresOf } };
}

/** Builds a trainer of neck and head on features in memory. */
export async function frozenTrainer(
  config: TrainingSettings,
  { data, features, trainRows }: Pick<FrozenData, "data" | "features" | "trainRows">,
  ranks?: Ranks,
): Promise<Trainer> {
  const weights = headStartWeights(config, features.length, data);
  if (!config.initFrom) await startFromFeatures(weights, config, { data, features, trainRows });
  return Trainer.create({
    config,
    features: cachedFeatures,
    weights: fromTensors(weights),
    ranks,
    batches: featureBatches(config, data.train, features, trainRows, ranks?.shard),
    inputShape: [config.batchSize, features.length],
    featureCount: features.length,
  });
}

/** Fits fresh weights to the features of the distinct training images: their standardisation, and a whitened start. */
async function startFromFeatures(
  weights: Weights,
  { standardise, neckStart, seed }: Pick<TrainingSettings, "standardise" | "neckStart" | "seed">,
  { data, features, trainRows }: Pick<FrozenData, "data" | "features" | "trainRows">,
): Promise<void> {
  if (!standardise && neckStart === "random") return;
  const labelOf = new Map(Array.from(trainRows, (row, i) => [row, data.train.labels[i]!]));
  const learned = pickRows(features, [...labelOf.keys()]);
  if (standardise) standardiseBy(weights, learned);
  if (neckStart === "whitened") await startWhitened(weights, learned, [...labelOf.values()], seed);
}

/** Builds a trainer of backbone, neck and head on augmented images. */
async function buildFineTune(
  config: TrainingSettings,
  data: RunData,
  { onProgress, ranks }: BuildOptions,
): Promise<TrainingSetup> {
  const tower = findTower(config.tower);
  const featureCount = featureLength(tower, config);
  if (config.standardise && !config.initFrom) {
    throw new UserError(
      `The config "${config.configName}" standardises features but names no run to start from.`,
      "Train the frozen stage first and set initFrom to its run name (npx guie train --init-from RUN), or set standardise to false.",
    );
  }
  const head = headStartWeights(config, featureCount, data);
  const weights = joinSources(
    fromTensors(head),
    withPrefix(TOWER_PREFIX, towerStartWeights(config, tower)),
    withPrefix(TOWER_PREFIX, freshAdapters(tower, config, config.seed)),
  );
  const tars =
    config.imagesFrom === "tars" ? await TarRows.open(config, data.train, ranks?.shard) : undefined;
  const batches = imageBatches(config, data.train, tower, ranks?.shard, tars);
  const trainer = await Trainer.create({
    config,
    batches,
    features: towerFeatures(tower, config),
    featureCount,
    weights,
    ranks,
    inputShape: [config.batchSize, config.imageSize, config.imageSize, 3],
    patches: patchCounts(patchGrid(tower, config.imageSize) ** 2, config),
  });
  const evaluated = atEvaluationSize(config);
  const backboneBy = (kind: WeightKind) =>
    backboneOf(trainer.program, tower, evaluated, {
      prefix: storedName(kind, TOWER_PREFIX),
      trainedPx: config.imageSize,
    });
  const backbones = new Map(
    (["raw", ...averagesOf(config)] as const).map((kind) => [kind as WeightKind, backboneBy(kind)]),
  );
  return {
    trainer,
    data,
    featuresOf: (set, rows, kind = "raw") =>
      computeFeatures(evaluated, backbones.get(kind)!, filesAt(data, set, rows), set, { onProgress }),
  };
}

/** Sets mean and 1/deviation of each feature. @param features features of the distinct training images */
function standardiseBy(weights: Weights, features: Vectors): void {
  const { mean, scale } = standardisationBy(features);
  for (const [i, values] of [mean, scale].entries()) {
    const name = STANDARDISE_NAMES[i]!;
    weights[name]!.dispose();
    weights[name] = tf.tensor1d(values);
  }
}
