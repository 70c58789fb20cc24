// The classifier, which training needs and retrieval does not.
// Shapes: B batch, C classes, K rows per class, E embedding length.
import type { RandomStream } from "../common/random";
import type { ClassRowSettings } from "../config/model";
import type { HeadSettings } from "../config/parts";
import { tf } from "../engine/native/tf";
import { rawOp } from "../engine/tracing/raw_op";
import { l2Normalize } from "./arcface";
import { type HeadWeights, neckShapes } from "./neck";
import { DATA_SET_NAME, HEAD_WEIGHT, MARGIN_SHARE_NAME } from "./weight_names";
import { withGradient } from "./with_gradient";

/** Returns K, the number of rows per class in the head. */
export function rowsPerClass({ head, subCentres }: ClassRowSettings): number {
  return head === "Sub_Arc_face" ? subCentres : 1;
}

/** Returns the shapes of neck and head by name. */
export function headShapes(
  config: HeadSettings,
  featureCount: number,
  classCount: number,
): Record<string, number[]> {
  return {
    ...neckShapes(config, featureCount),
    [HEAD_WEIGHT]: [classCount * rowsPerClass(config), config.embeddingDim],
    ...(config.classSizeMargin ? { [MARGIN_SHARE_NAME]: [classCount] } : {}),
    ...(config.heads === "by_data_set" ? { [DATA_SET_NAME]: [classCount] } : {}),
  };
}

/**
 * Returns the cosine of every embedding to every class; the nearest of a class's K rows counts.
 * embeddings [B, E], rows [C K, E] -> [B, C]. Deng et al., "Sub-center ArcFace", ECCV 2020.
 */
export function classCosines(embeddings: tf.Tensor2D, rows: tf.Tensor2D, K: number): tf.Tensor2D {
  const units = l2Normalize(embeddings);
  const [all, E] = rows.shape;
  // [K, E, C]: the layout with the cheapest products, lengths and gradients
  const byCentre = tf.transpose(tf.reshape(rows, [all / K, K, E]), [1, 2, 0]);
  return nearestCentre(units, l2Normalize<tf.Tensor3D>(byCentre as tf.Tensor3D, 1));
}

/** Returns the largest of the products with a class's K rows. units [B, E], centres [K, E, C] -> [B, C]. */
function nearestCentre(units: tf.Tensor2D, centres: tf.Tensor3D): tf.Tensor2D {
  return withGradient([units, centres], () => {
    const rows = splitCentres(centres);
    const products = rows.map((row) => tf.matMul(units, row));
    // largest[k]: the largest of the products from the k-th on
    const largest = [...products];
    for (let k = rows.length - 2; k >= 0; k--) largest[k] = tf.maximum(products[k]!, largest[k + 1]!);
    return {
      value: largest[0]!,
      saved: [units, centres, ...products.slice(0, -1), ...largest.slice(1)],
      gradient: nearestCentreGradient,
    };
  });
}

/** Returns the gradients; each class's gradient goes only to its nearest row. */
function nearestCentreGradient(dy: tf.Tensor2D, [units, centres, ...saved]: tf.Tensor[]): tf.Tensor[] {
  const rows = splitCentres(centres as tf.Tensor3D);
  const [products, largest] = [saved.slice(0, saved.length / 2), saved.slice(saved.length / 2)];
  let rest: tf.Tensor = dy;
  const parts = products.map((product, k) => {
    // the gradient where the product is larger than all later ones, else 0: faster than a comparison
    const [part] = rawOp("ReluGrad", [rest, tf.sub(product, largest[k]!)]);
    rest = tf.sub(rest, part!);
    return part as tf.Tensor2D;
  });
  parts.push(rest as tf.Tensor2D);
  const toUnits = parts.map((part, k) => tf.matMul<tf.Tensor2D>(part, rows[k]!, false, true));
  const toCentres = parts.map((part) => tf.matMul<tf.Tensor2D>(units as tf.Tensor2D, part, true, false));
  return [tf.addN(toUnits), tf.stack(toCentres)];
}

/** Splits [K, E, C] into K tensors [E, C]. */
function splitCentres(centres: tf.Tensor3D): tf.Tensor2D[] {
  const [K, E, C] = centres.shape;
  return Array.from({ length: K }, (_, k) =>
    tf.reshape<tf.Rank.R2>(tf.slice(centres, [k, 0, 0], [1, E, C]), [E, C]),
  );
}

/** Exponent of the class size in `marginShares`. */
const MARGIN_POWER = -0.25;

/**
 * Returns each class's share of the margin: 1 for the smallest class, less for larger ones, by the fourth root of their
 * size. The third place of Google Landmark Retrieval 2020 used such a power (https://arxiv.org/abs/2010.05350).
 * @param sizes number of images per class, [C]
 */
export function marginShares(sizes: readonly number[]): Float32Array {
  const present = sizes.filter((size) => size > 0);
  const smallest = present.reduce((least, size) => Math.min(least, size), Number.POSITIVE_INFINITY);
  return Float32Array.from(sizes, (size) => (size > 0 ? (size / smallest) ** MARGIN_POWER : 1));
}

/**
 * Returns the initial values of neck and head: linear layers as in PyTorch's `nn.Linear` (uniform within
 * 1 / sqrt(inputs)), the head Xavier uniform over its rows, gains and variances 1, means and shifts 0, margin shares 1.
 * @returns float32 of each shape, by name
 */
export function initialHeadValues(
  shapes: Record<string, number[]>,
  random: RandomStream,
): Record<string, Float32Array> {
  const values: Record<string, Float32Array> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const size = shape.reduce((product, length) => product * length, 1);
    const bound = boundOf(name, shapes);
    values[name] =
      bound === undefined
        ? new Float32Array(size).fill(/mean$|norm\.bias$/.test(name) ? 0 : 1)
        : Float32Array.from({ length: size }, () => bound * (2 * random.uniform() - 1));
  }
  return values;
}

/** Returns half the width of the uniform distribution of initial values; undefined for constants. */
function boundOf(name: string, shapes: Record<string, number[]>): number | undefined {
  const linear = /^(neck|neck\.hidden)\.(weight|bias)$/.exec(name);
  if (linear) return 1 / Math.sqrt(shapes[`${linear[1]}.weight`]![1]!);
  if (name !== HEAD_WEIGHT) return undefined;
  const [rows, embeddingDim] = shapes[name] as [number, number];
  return Math.sqrt(6 / (rows + embeddingDim));
}

/** Returns the step's margin, or, if classes have shares, the margin of each image: times its class's share, [B, 1]. */
export function marginsOf(weights: HeadWeights, labels: tf.Tensor1D, margin: tf.Scalar): tf.Tensor {
  const shares = weights[MARGIN_SHARE_NAME];
  return shares ? tf.mul(tf.reshape(tf.gather(shares, labels), [-1, 1]), margin) : margin;
}

/** Subtracted from the logits of classes that a softmax leaves out, so that their exponential is 0. */
export const LEFT_OUT_PENALTY = 1e9;

/**
 * Returns the cosines with those to classes of other data sets far below all others, if the model has a head for each
 * data set: a softmax leaves them out. cosines [B, C], labels [B] -> [B, C].
 */
export function cosinesWithinDataSets(
  weights: HeadWeights,
  cosines: tf.Tensor2D,
  labels: tf.Tensor1D,
): tf.Tensor2D {
  const dataSets = weights[DATA_SET_NAME];
  return dataSets ? tf.sub(cosines, otherDataSets(dataSets, labels, dataSets)) : cosines;
}

/**
 * Returns the penalty of classes of other data sets than the image's, 0 for those of the same.
 * @param dataSets number of each class's data set, [C]
 * @param labels classes of the images, [B]
 * @param compared numbers of the data sets of the classes in the softmax, [n]
 * @returns [B, n]
 */
export function otherDataSets(dataSets: tf.Tensor, labels: tf.Tensor1D, compared: tf.Tensor): tf.Tensor2D {
  const ofImages = tf.expandDims(tf.gather(dataSets, labels), 1);
  return tf.mul(tf.notEqual(ofImages, tf.expandDims(compared, 0)).toFloat(), LEFT_OUT_PENALTY);
}

/** Numbers the data sets from 0 in the order of their first class. @param names the data set of each class, [C] */
export function dataSetNumbers(names: readonly string[]): Float32Array {
  const distinct = [...new Set(names)];
  const numbers = new Map(distinct.map((name, number) => [name, number]));
  return Float32Array.from(names, (name) => numbers.get(name)!);
}
