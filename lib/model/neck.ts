// Shapes: B batch, F features, E embedding length, C classes.
import type { RandomStream } from "../common/random";
import type { TrainConfig } from "../config/config";
import { tf } from "../tensorflow/tf";

/** Weights that neck and head add to the tower's, by name. */
export type HeadWeights = Record<string, tf.Tensor>;

/** Not trained: the training features' mean and 1/deviation, where the config standardises. */
export const STANDARDISE_NAMES = ["neck.feature_mean", "neck.feature_scale"] as const;

/**
 * Neck `simple`: (standardise,) dropout, linear. features [B, F] -> embedding [B, E], not yet of unit length.
 * @param keep dropout mask [B, F], already scaled by 1/(1-p), drawn outside; undefined when not training
 */
export function neck(weights: HeadWeights, features: tf.Tensor2D, keep?: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => {
    const standard = standardise(weights, features);
    const kept = keep ? tf.mul(standard, keep) : standard;
    return tf.add(tf.matMul(kept, weights["neck.weight"] as tf.Tensor2D, false, true), weights["neck.bias"]!);
  });
}

/** (features - mean) * scale where the weights hold a mean; else the features as they are. [B, F] -> [B, F]. */
export function standardise(weights: HeadWeights, features: tf.Tensor2D): tf.Tensor2D {
  const [mean, scale] = STANDARDISE_NAMES.map((name) => weights[name]);
  return mean && scale ? tf.mul(tf.sub(features, mean), scale) : features;
}

/** Shapes of neck and head by name. */
export function headShapes(
  config: Pick<TrainConfig, "embeddingDim" | "standardise">,
  featureCount: number,
  classCount: number,
): Record<string, number[]> {
  const shapes: Record<string, number[]> = {
    "neck.weight": [config.embeddingDim, featureCount],
    "neck.bias": [config.embeddingDim],
    "head.weight": [classCount, config.embeddingDim],
  };
  if (config.standardise) for (const name of STANDARDISE_NAMES) shapes[name] = [featureCount];
  return shapes;
}

/**
 * Fresh values of neck and head: the linear layer as PyTorch's `nn.Linear` starts (uniform within
 * 1/sqrt(F)), the head Xavier uniform, standardisation neutral.
 */
export function initialHead(
  shapes: Record<string, number[]>,
  random: RandomStream,
): Record<string, Float32Array> {
  const [embeddingDim, featureCount] = shapes["neck.weight"] as [number, number];
  const classCount = shapes["head.weight"]![0]!;
  const bounds: Record<string, number> = {
    "neck.weight": 1 / Math.sqrt(featureCount),
    "neck.bias": 1 / Math.sqrt(featureCount),
    "head.weight": Math.sqrt(6 / (classCount + embeddingDim)),
  };
  const values: Record<string, Float32Array> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const size = shape.reduce((product, length) => product * length, 1);
    const bound = bounds[name];
    values[name] =
      bound === undefined
        ? new Float32Array(size).fill(name === "neck.feature_mean" ? 0 : 1)
        : Float32Array.from({ length: size }, () => bound * (2 * random.uniform() - 1));
  }
  return values;
}

/** A dropout mask: 0 with probability `rate`, else 1/(1-rate). PyTorch: `nn.Dropout`. */
export function dropoutMask(size: number, rate: number, random: RandomStream): Float32Array {
  return Float32Array.from({ length: size }, () => (random.uniform() < rate ? 0 : 1 / (1 - rate)));
}
