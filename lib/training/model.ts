// The trained model as one record of weights: `visual.*` (tower), `neck.*`, `head.*`.
// Shapes: B batch, S image side, F features, E embedding length, C classes.
import type { TrainConfig } from "../config/config";
import { l2Normalize, marginLoss } from "../model/arcface";
import { classCosines, marginsOf, rowsPerClass } from "../model/head";
import { type NeckTraining, neck } from "../model/neck";
import type { Tower } from "../model/towers";
import { type FeatureOptions, vitFeatures, type Weights } from "../model/vit";
import { scope } from "../tensorflow/scope";
import type { tf } from "../tensorflow/tf";

/** Prefix of the tower's weights in a run's checkpoints, as in open_clip's own. */
export const TOWER_PREFIX = "visual.";

/** How inputs become features: cached features are taken as they are, images go through the tower. */
export type FeatureFunction = (weights: Weights, inputs: tf.Tensor) => tf.Tensor2D;

/** Inputs are features already. [B, F] -> [B, F]. */
export const cachedFeatures: FeatureFunction = (_weights, inputs) => inputs as tf.Tensor2D;

/** Inputs are normalised pixels. [B, S, S, 3] -> [B, F]. */
export function towerFeatures(tower: Tower, options: FeatureOptions): FeatureFunction {
  return (weights, inputs) => vitFeatures(towerWeights(weights), inputs as tf.Tensor4D, tower, options);
}

/** The tower's weights out of a model's, under their own names. */
export function towerWeights(weights: Weights): Weights {
  const entries = Object.entries(weights).filter(([name]) => name.startsWith(TOWER_PREFIX));
  return Object.fromEntries(entries.map(([name, weight]) => [name.slice(TOWER_PREFIX.length), weight]));
}

/** Cosine to every class. features [B, F] -> [B, C]. */
export function cosinesOf(
  weights: Weights,
  features: tf.Tensor2D,
  config: Pick<TrainConfig, "head" | "subCentres">,
  training?: NeckTraining,
): tf.Tensor2D {
  const embeddings = scope("neck", () => neck(weights, features, training));
  const rows = weights["head.weight"] as tf.Tensor2D;
  return scope("head", () => classCosines(embeddings, rows, rowsPerClass(config)));
}

/** Embedding of unit length. [B, F] -> [B, E]. */
export function embedding(weights: Weights, features: tf.Tensor2D): tf.Tensor2D {
  return l2Normalize(neck(weights, features));
}

/** One training batch's tensors. */
export interface LossInputs {
  inputs: tf.Tensor;
  labels: tf.Tensor1D;
  /** Dropout mask [B, F]. */
  keep: tf.Tensor2D;
  /** The step's margin; radians for ArcFace. */
  margin: tf.Scalar;
}

/** The settings that change the loss. */
export type LossConfig = Pick<TrainConfig, "s" | "loss" | "head" | "subCentres">;

/**
 * The training loss: features, neck with dropout, cosines, margin. A scalar.
 * @param training takes a batch norm's new running values, by name; its `ranks` share in the statistics
 */
export function trainingLoss(
  features: FeatureFunction,
  weights: Weights,
  batch: LossInputs,
  config: LossConfig,
  training: Omit<NeckTraining, "keep">,
): tf.Scalar {
  const { labels, keep } = batch;
  const cosines = cosinesOf(weights, features(weights, batch.inputs), config, { ...training, keep });
  const margin = marginsOf(weights, labels, batch.margin);
  return scope("loss", () => marginLoss(cosines, labels, { ...config, margin }));
}
