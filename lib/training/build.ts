// Puts a trainer together from a config: data, weights, features. Shapes: N images, F features.

import { storedName, type WeightKind } from "../checkpoints/store";
import { UserError } from "../common/errors";
import type { OnProgress } from "../common/progress";
import type { TrainConfig } from "../config/config";
import { backboneOf } from "../model/backbone";
import { findTower } from "../model/towers";
import { featureLength, type Weights } from "../model/vit";
import { fromTensors, joinSources, withPrefix } from "../model/weight_source";
import { computeFeatures, ensureFeatures } from "../retrieval/features";
import type { Vectors } from "../retrieval/neighbours";
import { tf } from "../tensorflow/tf";
import { averagesOf } from "./averages";
import { featureBatches, imageBatches } from "./batches";
import { distinctFiles, type RunData, readRunData } from "./data";
import { cachedFeatures, TOWER_PREFIX, towerFeatures } from "./model";
import type { Ranks } from "./ranks";
import { startTower, startWeights } from "./start_weights";
import { Trainer } from "./trainer";

/** A trainer with what is needed to evaluate it. */
export interface TrainingSetup {
  trainer: Trainer;
  data: RunData;
  /** Features of a list of images by the weights as they are now. @param kind an average in their place */
  featuresOf(
    set: "validation" | "queries" | "index",
    files: readonly string[],
    kind?: WeightKind,
  ): Promise<Vectors>;
}

/** Builds the trainer of a config at its start; restoring a checkpoint is the caller's next step. */
export async function buildTraining(
  config: Readonly<TrainConfig>,
  onProgress?: OnProgress,
  ranks?: Ranks,
): Promise<TrainingSetup> {
  const data = await readRunData(config);
  return config.stage === "frozen"
    ? buildFrozen(config, data, onProgress, ranks)
    : buildFineTune(config, data, onProgress, ranks);
}

/** Neck and head on the features of the backbone as it is; every distinct image is embedded once, into a file. */
async function buildFrozen(
  config: Readonly<TrainConfig>,
  data: RunData,
  onProgress?: OnProgress,
  ranks?: Ranks,
): Promise<TrainingSetup> {
  const files = distinctFiles(data.train.files, data.validation.files);
  const trainFeatures = () => ensureFeatures(config, "train", files, onProgress);
  const features = (await ranks?.chiefFirst(trainFeatures)) ?? (await trainFeatures());
  const rowOfFile = new Map(files.map((file, row) => [file, row]));
  const weights = startWeights(config, features.length, data);
  if (config.standardise && !config.initFrom) standardiseBy(weights, features);
  const batches = featureBatches(config, data.train, features, rowOfFile, ranks?.shard);
  const trainer = await Trainer.create({
    ...{ config, batches, features: cachedFeatures, weights: fromTensors(weights), ranks },
    inputShape: [config.batchSize, features.length],
    featureCount: features.length,
  });
  return {
    trainer,
    data,
    featuresOf: async (set, wanted) =>
      set === "validation"
        ? pickRows(features, wanted, rowOfFile)
        : ensureFeatures(config, set, wanted, onProgress),
  };
}

/** All parts on augmented images. */
async function buildFineTune(
  config: Readonly<TrainConfig>,
  data: RunData,
  onProgress?: OnProgress,
  ranks?: Ranks,
): Promise<TrainingSetup> {
  const tower = findTower(config.tower);
  const featureCount = featureLength(tower, config);
  if (config.standardise && !config.initFrom) {
    throw new UserError(
      `The config "${config.configName}" standardises features but names no run to start from.`,
      "Train the frozen stage first and give --init-from its run name, or set standardise to false.",
    );
  }
  const head = startWeights(config, featureCount, data);
  const weights = joinSources(fromTensors(head), withPrefix(TOWER_PREFIX, startTower(config, tower)));
  const batches = imageBatches(config, data.train, tower, ranks?.shard);
  const trainer = await Trainer.create({
    ...{ config, batches, features: towerFeatures(tower, config), featureCount, weights, ranks },
    inputShape: [config.batchSize, config.imageSize, config.imageSize, 3],
  });
  const backboneBy = (kind: WeightKind) =>
    backboneOf(trainer.program, tower, config, storedName(kind, TOWER_PREFIX));
  const backbones = new Map(
    (["raw", ...averagesOf(config)] as const).map((kind) => [kind as WeightKind, backboneBy(kind)]),
  );
  return {
    trainer,
    data,
    featuresOf: (set, files, kind = "raw") =>
      computeFeatures(config, backbones.get(kind)!, files, set, onProgress),
  };
}

/** Sets mean and 1/deviation of each feature, over all training images. */
function standardiseBy(weights: Weights, features: Vectors): void {
  const [mean, scale] = tf.tidy(() => {
    const rows = tf.tensor2d(features.data, [features.count, features.length]);
    const moments = tf.moments(rows, 0);
    return [moments.mean, tf.rsqrt(tf.add(moments.variance, 1e-6))];
  });
  tf.dispose([weights["neck.feature_mean"]!, weights["neck.feature_scale"]!]);
  weights["neck.feature_mean"] = mean!;
  weights["neck.feature_scale"] = scale!;
}

function pickRows(
  features: Vectors,
  files: readonly string[],
  rowOfFile: ReadonlyMap<string, number>,
): Vectors {
  const data = new Float32Array(files.length * features.length);
  for (const [i, file] of files.entries()) {
    const start = rowOfFile.get(file)! * features.length;
    data.set(features.data.subarray(start, start + features.length), i * features.length);
  }
  return { data, count: files.length, length: features.length };
}
