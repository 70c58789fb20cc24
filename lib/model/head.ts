// The classifier that training needs and retrieval does not. Shapes: B batch, C classes, K rows a class, E embedding length.
import type { RandomStream } from "../common/random";
import type { TrainConfig } from "../config/config";
import { tf } from "../tensorflow/tf";
import { cosineLogits } from "./arcface";
import { FIXED_NECK_NAMES, type HeadWeights, neckShapes } from "./neck";

/** The settings on which neck and head depend. */
export type HeadConfig = Pick<
  TrainConfig,
  "neck" | "embeddingDim" | "standardise" | "head" | "subCentres" | "classSizeMargin"
>;

/** Share of the margin that each class has, [C], where margins depend on the classes' sizes. */
export const MARGIN_SHARE_NAME = "head.margin_share";

/** Weights of neck and head that no gradient changes. */
export const FIXED_NAMES: readonly string[] = [...FIXED_NECK_NAMES, MARGIN_SHARE_NAME];

/** Rows that a class has in the head. */
export function rowsPerClass({ head, subCentres }: Pick<TrainConfig, "head" | "subCentres">): number {
  return head === "Sub_Arc_face" ? subCentres : 1;
}

/** Shapes of neck and head by name. */
export function headShapes(
  config: HeadConfig,
  featureCount: number,
  classCount: number,
): Record<string, number[]> {
  return {
    ...neckShapes(config, featureCount),
    "head.weight": [classCount * rowsPerClass(config), config.embeddingDim],
    ...(config.classSizeMargin ? { [MARGIN_SHARE_NAME]: [classCount] } : {}),
  };
}

/**
 * Cosine of every embedding with every class: of a class's K rows the nearest counts.
 * embeddings [B, E], rows [C K, E] -> [B, C]. Deng et al., "Sub-center ArcFace", ECCV 2020.
 */
export function classCosines(embeddings: tf.Tensor2D, rows: tf.Tensor2D, K: number): tf.Tensor2D {
  const cosines = cosineLogits(embeddings, rows);
  if (K === 1) return cosines;
  const [B, all] = cosines.shape;
  return tf.max(tf.reshape(cosines, [B, all / K, K]), 2);
}

/** Exponent of the class size in `marginShares`. */
const MARGIN_POWER = -0.25;

/**
 * Share of the margin that each class has: 1 for the smallest class, less for larger ones, by the fourth root of
 * their size. Google Landmark Retrieval 2020's third place gave margins by such a power (https://arxiv.org/abs/2010.05350).
 * @param sizes images of each class, [C]
 */
export function marginShares(sizes: readonly number[]): Float32Array {
  const present = sizes.filter((size) => size > 0);
  const smallest = present.reduce((least, size) => Math.min(least, size), Number.POSITIVE_INFINITY);
  return Float32Array.from(sizes, (size) => (size > 0 ? (size / smallest) ** MARGIN_POWER : 1));
}

/**
 * Fresh values of neck and head: linear layers as PyTorch's `nn.Linear` starts (uniform within 1 / sqrt(inputs)), the
 * head Xavier uniform over its rows, gains and variances 1, means and shifts 0, margins whole.
 */
export function initialHead(
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

/** Half the width of a uniform distribution of first values; undefined for constants. */
function boundOf(name: string, shapes: Record<string, number[]>): number | undefined {
  const linear = /^(neck|neck\.hidden)\.(weight|bias)$/.exec(name);
  if (linear) return 1 / Math.sqrt(shapes[`${linear[1]}.weight`]![1]!);
  if (name !== "head.weight") return undefined;
  const [rows, embeddingDim] = shapes[name] as [number, number];
  return Math.sqrt(6 / (rows + embeddingDim));
}

/** The margin of each image of a batch: the step's, times the share of its class where classes have shares. */
export function marginsOf(weights: HeadWeights, labels: tf.Tensor1D, margin: tf.Scalar): tf.Tensor {
  const shares = weights[MARGIN_SHARE_NAME];
  return shares ? tf.mul(tf.reshape(tf.gather(shares, labels), [-1, 1]), margin) : margin;
}
