// The start of a neck for few images: it whitens the features, and the head holds the classes' means.
// Shapes: N images, F features, E embedding length, C classes, K principal directions.
import { randomStream } from "../common/random";
import { listRows, rowOf, setRows, type Vectors, zeroVectors } from "../common/vectors";
import { embedFeatures } from "../embedding/embed_images";
import { tf } from "../engine/native/tf";
import { standardised } from "../features/standardise";
import type { Weights } from "../model/vit";
import { HEAD_WEIGHT, STANDARDISE_NAMES } from "../model/weight_names";
import { fitPca } from "../retrieval/reduction";

/** Added to each direction's variance, in mean variances of a feature: so directions of noise are not blown up. */
const SHRINKAGE = 2;

/** The weights of a linear neck. */
export interface NeckStart {
  /** [E, F]. */
  weight: Float32Array;
  /** [E]. */
  bias: Float32Array;
}

/**
 * Returns a neck that whitens rows with shrinkage: its first K = min(E, N - 1) numbers are the principal directions,
 * divided by the square root of their variance plus twice the mean variance of a feature. If N is too small for E
 * directions, random directions at right angles to them keep what these rows do not vary in, scaled to the same length
 * as all the directions that they stand for.
 * @param rows [N, F], N >= 2
 */
export async function whiteningNeck(rows: Vectors, embeddingDim: number, seed: number): Promise<NeckStart> {
  const { count, length } = rows;
  const K = Math.min(embeddingDim, count - 1, length);
  const { mean, matrix, variances } = await fitPca(rows, K);
  const shrinkage = SHRINKAGE * meanVariance(rows, mean) || 1;
  const weight = zeroVectors(embeddingDim, length);
  for (let d = 0; d < K; d++) {
    const scale = 1 / Math.sqrt(variances[d]! + shrinkage);
    const direction = Float64Array.from({ length }, (_, i) => matrix[i * K + d]!);
    setRows(
      weight,
      d,
      direction.map((value) => value * scale),
    );
  }
  const others = Math.min(embeddingDim, length) - K;
  const random = randomStream(seed, "random directions of the neck");
  for (let d = 0; d < others; d++) {
    const direction = Float64Array.from({ length }, () => random.normal());
    removeDirections(direction, matrix, K);
    setRows(
      weight,
      K + d,
      direction.map((value) => value / Math.sqrt(shrinkage * others)),
    );
  }
  const bias = Float32Array.from(listRows(weight), (row) =>
    row.reduce((sum, value, i) => sum - value * mean[i]!, 0),
  );
  return { weight: weight.data, bias };
}

/** Returns the mean over the features of their variances. */
function meanVariance(rows: Vectors, mean: Float32Array): number {
  let sum = 0;
  for (const row of listRows(rows)) for (let i = 0; i < row.length; i++) sum += (row[i]! - mean[i]!) ** 2;
  return sum / (rows.count * rows.length);
}

/** Takes the principal directions out of another one. @param matrix [F, K], a direction per column */
function removeDirections(direction: Float64Array, matrix: Float32Array, K: number): void {
  for (let d = 0; d < K; d++) {
    let product = 0;
    for (let i = 0; i < direction.length; i++) product += direction[i]! * matrix[i * K + d]!;
    for (let i = 0; i < direction.length; i++) direction[i]! -= product * matrix[i * K + d]!;
  }
}

/**
 * Lets fresh weights start from features: the neck whitens them (`whiteningNeck`), and a head of one row per class holds
 * the unit means of the classes' embeddings.
 * @param weights those of neck and head, with the features' standardisation if there is one
 * @param features features of the distinct training images, [N, F]
 * @param labels their classes, [N], 0 .. C - 1
 */
export async function startWhitened(
  weights: Weights,
  features: Vectors,
  labels: ArrayLike<number>,
  seed: number,
): Promise<void> {
  const [mean, scale] = STANDARDISE_NAMES.map(
    (name) => weights[name]?.dataSync() as Float32Array | undefined,
  );
  const rows = mean && scale ? standardised(features, { mean, scale }) : features;
  const [E] = weights["neck.bias"]!.shape as [number];
  const { weight, bias } = await whiteningNeck(rows, E, seed);
  replace(weights, "neck.weight", weight);
  replace(weights, "neck.bias", bias);
  const means = classMeans(await embedFeatures(weights, features), labels);
  if (means.length === weights[HEAD_WEIGHT]!.size) replace(weights, HEAD_WEIGHT, means);
}

/** Returns the unit mean of each class's rows, [C, E]. */
function classMeans(rows: Vectors, labels: ArrayLike<number>): Float32Array {
  const classes = 1 + Array.from(labels).reduce((highest, label) => Math.max(highest, label), -1);
  const means = zeroVectors(classes, rows.length);
  for (const [row, values] of listRows(rows).entries()) {
    const mean = rowOf(means, labels[row]!);
    for (let i = 0; i < values.length; i++) mean[i]! += values[i]!;
  }
  for (const mean of listRows(means)) {
    const length = Math.hypot(...mean) || 1;
    for (let i = 0; i < mean.length; i++) mean[i]! /= length;
  }
  return means.data;
}

function replace(weights: Weights, name: string, values: Float32Array): void {
  const before = weights[name]!;
  weights[name] = tf.tensor(values, before.shape);
  before.dispose();
}
