// The trained model as one record of weights: `visual.*` (tower), `neck.*`, `head.*`.
// Shapes: B batch, S image side, F features, E embedding length, C classes.
import type { ClassRowSettings } from "../config/model";
import type { TrainingLossSettings } from "../config/parts";
import { tf } from "../engine/native/tf";
import type { Cluster } from "../engine/session/cluster";
import { allGather } from "../engine/tracing/collectives";
import { scope } from "../engine/tracing/scope";
import { l2Normalize, marginLoss } from "./arcface";
import { classCosines, cosinesWithinDataSets, marginsOf, rowsPerClass } from "./head";
import { mergeAdapters } from "./lora";
import { type NeckTraining, neck } from "./neck";
import { pairLoss } from "./pair_loss";
import { shardedMarginLoss } from "./sharded_head";
import type { Tower } from "./tower";
import { type FeatureOptions, vitFeatures, type Weights } from "./vit";
import { DATA_SET_NAME, HEAD_WEIGHT, isOfTower, nameInTower, TRANSFORM_NAMES } from "./weight_names";

/**
 * A function from inputs to features: cached features pass unchanged, images go through the tower.
 * @param patches the patches of each image to compute, [B, M]; default: all
 */
export type FeatureFunction = (weights: Weights, inputs: tf.Tensor, patches?: tf.Tensor2D) => tf.Tensor2D;

/** Returns its inputs, which are cached features. [B, F] -> [B, F]. */
export const cachedFeatures: FeatureFunction = (_weights, inputs) => inputs as tf.Tensor2D;

/**
 * Returns the function from normalised pixels to features, [B, S, S, 3] -> [B, F].
 * @param options.loraAlpha scale of the adapters, if the weights have some
 */
export function towerFeatures(
  tower: Tower,
  { loraAlpha, ...options }: FeatureOptions & { loraAlpha?: number },
): FeatureFunction {
  return (weights, inputs, patches) =>
    tf.tidy(() => {
      const ofTower = mergeAdapters(towerWeightsIn(weights), loraAlpha);
      return vitFeatures(ofTower, inputs as tf.Tensor4D, tower, { ...options, patches });
    });
}

/** Returns the tower's weights of a model, under their own names. */
export function towerWeightsIn(weights: Weights): Weights {
  const entries = Object.entries(weights).filter(([name]) => isOfTower(name));
  return Object.fromEntries(entries.map(([name, weight]) => [nameInTower(name), weight]));
}

/** Returns the cosine of each image to every class. features [B, F] -> [B, C]. */
export function cosinesOf(weights: Weights, features: tf.Tensor2D, config: ClassRowSettings): tf.Tensor2D {
  const embeddings = scope("neck", () => neck(weights, features));
  const rows = weights[HEAD_WEIGHT] as tf.Tensor2D;
  return scope("head", () => classCosines(embeddings, rows, rowsPerClass(config)));
}

/** Returns embeddings of unit length. [B, F] -> [B, E]. */
export function embedding(weights: Weights, features: tf.Tensor2D): tf.Tensor2D {
  return l2Normalize(neck(weights, features));
}

/**
 * Returns the unit vectors of a model that may be a run (with a neck), a backbone (without), or either of them with a
 * fitted map. [B, F] -> [B, d].
 */
export function unitVectors(weights: Weights, features: tf.Tensor2D): tf.Tensor {
  const hasNeck = weights["neck.weight"] !== undefined;
  const [mean, matrix] = TRANSFORM_NAMES.map((name) => weights[name]);
  if (!mean || !matrix) return hasNeck ? embedding(weights, features) : l2Normalize(features);
  const vectors = hasNeck ? embedding(weights, features) : features;
  return l2Normalize(tf.matMul(tf.sub<tf.Tensor2D>(vectors, mean), matrix as tf.Tensor2D));
}

/** Tensors of one training batch. */
export interface LossInputs {
  inputs: tf.Tensor;
  labels: tf.Tensor1D;
  /** Dropout mask [B, F]. */
  keep: tf.Tensor2D;
  /** With patch dropout: the patches of each image that the step computes, [B, M]. */
  patches?: tf.Tensor2D;
  /** The step's margin; radians for ArcFace. */
  margin: tf.Scalar;
  /** With a sharded head that samples classes: numbers from [0, 1) for this process's classes, [S]. */
  draws?: tf.Tensor1D;
}

/** A step's view of a head that is sharded over processes. */
export interface StepShards {
  cluster: Cluster;
  /** Number of classes of all processes. */
  classCount: number;
  /** Number of this process's classes in a step, if classes are sampled. */
  sampleSize?: number;
}

/** The processes that train together, in a loss. */
export interface LossRanks extends NonNullable<NeckTraining["ranks"]> {
  /** Concatenates the rows of all processes; differentiable, in a loss that every process computes alike. */
  gather<T extends tf.Tensor>(x: T): T;
  /** Concatenates the labels of all processes. */
  gatherLabels(labels: tf.Tensor1D): tf.Tensor1D;
}

/** What a training loss knows beside weights, batch and config. */
export interface LossTraining extends Pick<NeckTraining, "assign"> {
  /** The processes that train together; default: only this one. */
  ranks?: LossRanks | undefined;
  /** The shards of the head, if these processes divide its rows. */
  shards?: StepShards | undefined;
}

/**
 * Returns the training loss, a scalar: features, neck with dropout, cosines, margin, and the loss of pairs if the config
 * has one; with `matryoshka` the mean over the prefixes of the embedding. With `shards`, and of pairs, it is over the images
 * of all processes, and equal in all of them.
 * @param training takes a batch norm's new running values, by name; its `ranks` share the statistics
 */
export function trainingLoss(
  features: FeatureFunction,
  weights: Weights,
  batch: LossInputs,
  config: TrainingLossSettings,
  { assign, ranks, shards }: LossTraining,
): tf.Scalar {
  const ofImages = features(weights, batch.inputs, batch.patches);
  const neckTraining = { assign, keep: batch.keep, ...(ranks && { ranks }) };
  const embeddings = scope("neck", () => neck(weights, ofImages, neckTraining));
  const rows = weights[HEAD_WEIGHT] as tf.Tensor2D;
  const ofMargin = shards ? shardedLoss(weights, batch, config, shards) : wholeLoss(weights, batch, config);
  const lossOf = config.pairLoss === "none" ? ofMargin : withPairLoss(ofMargin, batch, config, ranks);
  const prefixes = config.matryoshka.map((length) =>
    scope(`first${length}`, () => lossOf(firstColumns(embeddings, length), firstColumns(rows, length))),
  );
  const whole = lossOf(embeddings, rows);
  return prefixes.length === 0 ? whole : tf.div(tf.addN([...prefixes, whole]), prefixes.length + 1);
}

/** A loss of embeddings [B, E] and the head's rows [C K, E]. */
type RowsLoss = (embeddings: tf.Tensor2D, rows: tf.Tensor2D) => tf.Scalar;

/** Adds the loss of pairs among the images of all processes. */
function withPairLoss(
  ofMargin: RowsLoss,
  batch: LossInputs,
  config: TrainingLossSettings,
  ranks: LossRanks | undefined,
): RowsLoss {
  const labels = ranks?.gatherLabels(batch.labels) ?? batch.labels;
  return (embeddings, rows) => {
    const margin = ofMargin(embeddings, rows);
    return scope("pair_loss", () => {
      const units = l2Normalize(embeddings);
      const ofPairs = pairLoss(ranks?.gather(units) ?? units, labels, config);
      return tf.add(margin, tf.mul(ofPairs, config.pairLossWeight));
    });
  };
}

/** Returns the first columns of a matrix. [N, E] -> [N, length]. */
function firstColumns(matrix: tf.Tensor2D, length: number): tf.Tensor2D {
  return tf.slice(matrix, [0, 0], [-1, length]);
}

/** Returns the loss of one process's images over all classes. */
function wholeLoss(weights: Weights, batch: LossInputs, config: TrainingLossSettings): RowsLoss {
  const { labels } = batch;
  const margin = marginsOf(weights, labels, batch.margin);
  return (embeddings, rows) => {
    const cosines = scope("head", () =>
      cosinesWithinDataSets(weights, classCosines(embeddings, rows, rowsPerClass(config)), labels),
    );
    return scope("loss", () => marginLoss(cosines, labels, { ...config, margin }));
  };
}

/** Returns the loss over the images and classes of all processes, each of which holds its rows of the head. */
function shardedLoss(
  weights: Weights,
  batch: LossInputs,
  config: TrainingLossSettings,
  { cluster, classCount, sampleSize }: StepShards,
): RowsLoss {
  const { labels, margin } = scope("sharded_head", () => {
    const labels = allGather(cluster, batch.labels) as tf.Tensor1D;
    return { labels, margin: marginsOf(weights, labels, batch.margin) };
  });
  const dataSets = weights[DATA_SET_NAME];
  const sample = batch.draws && sampleSize ? { draws: batch.draws, size: sampleSize } : undefined;
  const options = { loss: config.loss, s: config.s, classCount, rowsPerClass: rowsPerClass(config) };
  return (embeddings, rows) =>
    scope("sharded_head", () =>
      shardedMarginLoss(cluster, { embeddings, rows, labels, margin, dataSets, sample }, options),
    );
}
