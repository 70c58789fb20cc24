// The trained model as one record of weights: `visual.*` (tower), `neck.*`, `head.weight`.
// Shapes: B batch, S image side, F features, E embedding length, C classes.
import { arcFaceLoss, cosineLogits, l2Normalize } from "../model/arcface";
import { neck } from "../model/neck";
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

/** Cosine to every class. inputs -> [B, C]. */
export function classCosines(weights: Weights, features: tf.Tensor2D, keep?: tf.Tensor2D): tf.Tensor2D {
  const embeddings = scope("neck", () => neck(weights, features, keep));
  return scope("head", () => cosineLogits(embeddings, weights["head.weight"] as tf.Tensor2D));
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
  /** ArcFace margin, radians. */
  margin: tf.Scalar;
}

/** The training loss: features, neck with dropout, ArcFace. A scalar. */
export function trainingLoss(
  features: FeatureFunction,
  weights: Weights,
  batch: LossInputs,
  s: number,
): tf.Scalar {
  const cosines = classCosines(weights, features(weights, batch.inputs), batch.keep);
  return scope("arcface", () => arcFaceLoss(cosines, batch.labels, s, batch.margin));
}
