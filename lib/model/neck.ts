// The neck, from features to the embedding. Shapes: B batch, F features, E embedding length.
import { UserError } from "../common/errors";
import type { ModelSettings, NeckSettings } from "../config/model";
import { tf } from "../engine/native/tf";
import { RUNNING_NAMES, STANDARDISE_NAMES } from "./weight_names";

/** Weights of neck and head, by name. */
export type HeadWeights = Record<string, tf.Tensor>;

/** Defaults of PyTorch's `nn.BatchNorm1d`. */
const EPSILON = 1e-5;
const MOMENTUM = 0.1;

/** The layers before the last linear one, and the dropout rate: the original's `Head` classes by their names. */
const NECKS: Record<ModelSettings["neck"], { batchNorm: boolean; hasHidden: boolean; dropout: number }> = {
  simple: { batchNorm: false, hasHidden: false, dropout: 0.2 },
  norm_single_linear: { batchNorm: true, hasHidden: false, dropout: 0.2 },
  norm_double_linear: { batchNorm: true, hasHidden: true, dropout: 0.3 },
};

/** Returns how a config's neck differs from the original's of that name, in words; undefined if it does not. */
export function neckDifference({
  neck,
  dropout,
}: Pick<ModelSettings, "neck" | "dropout">): string | undefined {
  const original = NECKS[neck].dropout;
  if (dropout === original) return undefined;
  return `The original's ${neck} has dropout ${original}, this run ${dropout} (npx guie train --set dropout=${original})`;
}

/** Further inputs of a neck in training. */
export interface NeckTraining {
  /** Dropout mask [B, F], already scaled by 1 / (1 - p); the caller draws it. */
  keep: tf.Tensor2D;
  /** Takes a batch norm's new running values, by name. */
  assign(name: string, value: tf.Tensor): void;
  /** The processes that share a batch norm's statistics; default: only this one. */
  ranks?: {
    worldSize: number;
    /** Returns the mean over the processes; differentiable. */
    mean<T extends tf.Tensor>(x: T): T;
  };
}

/**
 * Computes (standardise, batch norm,) dropout, (hidden linear,) linear; the weights' names say which layers there are.
 * features [B, F] -> embedding [B, E], not yet of unit length.
 * @param training undefined for inference
 */
export function neck(weights: HeadWeights, features: tf.Tensor2D, training?: NeckTraining): tf.Tensor2D {
  return tf.tidy(() => {
    const standard = standardise(weights, features);
    const normal = weights["neck.norm.weight"] ? batchNorm(weights, standard, training) : standard;
    const kept = training ? tf.mul(normal, training.keep) : normal;
    return affine(
      weights,
      "neck",
      weights["neck.hidden.weight"] ? affine(weights, "neck.hidden", kept) : kept,
    );
  });
}

function affine(weights: HeadWeights, name: string, x: tf.Tensor): tf.Tensor2D {
  const product = tf.matMul(x as tf.Tensor2D, weights[`${name}.weight`] as tf.Tensor2D, false, true);
  return tf.add(product, weights[`${name}.bias`]!);
}

/** Returns (features - mean) * scale if the weights hold a mean, else the features unchanged. [B, F] -> [B, F]. */
function standardise(weights: HeadWeights, features: tf.Tensor2D): tf.Tensor2D {
  const [mean, scale] = STANDARDISE_NAMES.map((name) => weights[name]);
  return mean && scale ? tf.mul(tf.sub(features, mean), scale) : features;
}

/** Applies batch norm. [B, F] -> [B, F]. PyTorch: `nn.BatchNorm1d`. */
function batchNorm(weights: HeadWeights, x: tf.Tensor2D, training?: NeckTraining): tf.Tensor2D {
  const [runningMean, runningVariance] = RUNNING_NAMES.map((name) => weights[name]!);
  let [mean, variance] = [runningMean!, runningVariance!];
  if (training) {
    const { ranks } = training;
    const overRanks = <T extends tf.Tensor>(mean: T) => ranks?.mean(mean) ?? mean;
    const count = x.shape[0] * (ranks?.worldSize ?? 1);
    if (count < 2) {
      throw new UserError(
        "A neck with batch norm cannot be trained on one image at a time: it needs their variance.",
        "Raise batchSize, or lower accumulationSteps, so that a piece has at least two images.",
      );
    }
    mean = overRanks(tf.mean(x, 0));
    variance = overRanks(tf.mean(tf.square(tf.sub(x, mean)), 0));
    training.assign(RUNNING_NAMES[0], blend(runningMean!, mean));
    training.assign(RUNNING_NAMES[1], blend(runningVariance!, tf.mul(variance, count / (count - 1))));
  }
  const normal = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, EPSILON)));
  return tf.add(tf.mul(normal, weights["neck.norm.weight"]!), weights["neck.norm.bias"]!);
}

function blend(before: tf.Tensor, now: tf.Tensor): tf.Tensor {
  return tf.add(tf.mul(before, 1 - MOMENTUM), tf.mul(now, MOMENTUM));
}

/** Returns the shapes of a neck's weights by name. */
export function neckShapes(config: NeckSettings, featureCount: number): Record<string, number[]> {
  const { batchNorm, hasHidden } = NECKS[config.neck];
  const hiddenWidth = hasHidden ? 2 * config.embeddingDim : undefined;
  const shapes: Record<string, number[]> = {};
  const addPerFeature = (names: readonly string[]) => {
    for (const name of names) shapes[name] = [featureCount];
  };
  if (batchNorm) addPerFeature(["neck.norm.weight", "neck.norm.bias", ...RUNNING_NAMES]);
  if (hiddenWidth !== undefined) {
    shapes["neck.hidden.weight"] = [hiddenWidth, featureCount];
    shapes["neck.hidden.bias"] = [hiddenWidth];
  }
  shapes["neck.weight"] = [config.embeddingDim, hiddenWidth ?? featureCount];
  shapes["neck.bias"] = [config.embeddingDim];
  if (config.standardise) addPerFeature(STANDARDISE_NAMES);
  return shapes;
}

/** Returns a dropout mask [size]: 0 with probability `rate`, else 1 / (1 - rate). PyTorch: `nn.Dropout`. */
export function dropoutMask(size: number, rate: number, random: { uniform(): number }): Float32Array {
  const mask = new Float32Array(size);
  const kept = 1 / (1 - rate);
  for (let i = 0; i < size; i++) if (random.uniform() >= rate) mask[i] = kept;
  return mask;
}
