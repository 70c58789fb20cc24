// Losses of pairs of images: embeddings of one class attract each other, those of different classes repel each other.
// Shapes: N images of a whole step, E embedding length. Gradients with respect to the cosines are written out.
import type { PairLossSettings } from "../config/loss";
import { tf } from "../engine/native/tf";
import { withGradient } from "./with_gradient";

/** Added to masked numbers before an exponential or a maximum. */
const FAR = 1e9;

/** The images of a step by pairs, 1 or 0, [N, N]; no image is a pair with itself. */
interface Pairs {
  /** Pairs of one class. */
  positive: tf.Tensor;
  /** Pairs of different classes. */
  negative: tf.Tensor;
}

/** A loss of cosines [N, N], and its gradient with respect to them. */
interface LossOfCosines {
  value: tf.Tensor;
  slope: tf.Tensor;
}

/** The pair losses by their names. */
const PAIR_LOSSES: Record<
  Exclude<PairLossSettings["pairLoss"], "none">,
  (cosines: tf.Tensor, pairs: Pairs, config: PairLossSettings) => LossOfCosines
> = { SupCon: supervisedContrastive, MultiSimilarity: multiSimilarity };

/**
 * Returns the pair loss of a step's images; 0 if no image has another one of its class.
 * @param units embeddings of unit length, [N, E]
 * @param labels [N] int32
 * @returns scalar
 * @see https://arxiv.org/abs/2004.11362 (SupCon), https://arxiv.org/abs/1904.06627 (MultiSimilarity)
 */
export function pairLoss(units: tf.Tensor2D, labels: tf.Tensor1D, config: PairLossSettings): tf.Scalar {
  const { pairLoss: name } = config;
  if (name === "none") return tf.scalar(0);
  const cosines = tf.matMul<tf.Tensor2D>(units, units, false, true);
  return withGradient([cosines], () => {
    const { value, slope } = PAIR_LOSSES[name](cosines, pairsOf(labels), config);
    return { value, saved: [slope], gradient: (dy, [slope]) => [tf.mul(dy, slope!)] };
  }) as tf.Tensor as tf.Scalar;
}

function pairsOf(labels: tf.Tensor1D): Pairs {
  const same = tf.equal(tf.expandDims(labels, 1), tf.expandDims(labels, 0)).toFloat();
  return { positive: tf.sub(same, tf.eye(labels.shape[0])), negative: tf.sub(1, same) };
}

/**
 * Returns L_out of Khosla et al.: for each image with others of its class, the mean of -log softmax of cosine /
 * temperature over these others, where the softmax has all images but the image itself; mean over these images.
 */
function supervisedContrastive(
  cosines: tf.Tensor,
  { positive, negative }: Pairs,
  { pairTemperature }: PairLossSettings,
): LossOfCosines {
  const others = tf.add(positive, negative);
  const counts = tf.sum(positive, 1, true);
  const has = tf.minimum(counts, 1);
  const images = tf.maximum(tf.sum(has), 1);
  const targets = tf.div(positive, tf.maximum(counts, 1));
  const logits = tf.div(cosines, pairTemperature);
  const { logSum, shares } = logSumExp(logits, others);
  const ofTargets = tf.sum(tf.mul(targets, logits), 1, true);
  const perImage = tf.mul(has, tf.sub(logSum, ofTargets));
  const toLogits = tf.mul(has, tf.sub(shares, targets));
  return {
    value: tf.div(tf.sum(perImage), images),
    slope: tf.div(toLogits, tf.mul(images, pairTemperature)),
  };
}

/**
 * Returns the loss of Wang et al., mean over all images: log(1 + sum exp(-alpha (cosine - base))) / alpha over the pairs
 * of its class, plus log(1 + sum exp(beta (cosine - base))) / beta over the others. Only mined pairs count: those of its
 * class that are less than `pairEpsilon` nearer than the nearest of another class, and the reverse.
 */
function multiSimilarity(
  cosines: tf.Tensor,
  { positive, negative }: Pairs,
  { pairAlpha, pairBeta, pairBase, pairEpsilon }: PairLossSettings,
): LossOfCosines {
  const nearestOther = highest(cosines, negative);
  const farthestOwn = tf.neg(highest(tf.neg(cosines), positive));
  const mined = {
    positive: tf.mul(positive, tf.less(tf.sub(cosines, pairEpsilon), nearestOther).toFloat()),
    negative: tf.mul(negative, tf.greater(tf.add(cosines, pairEpsilon), farthestOwn).toFloat()),
  };
  const [N] = cosines.shape as [number, number];
  const distances = tf.sub(cosines, pairBase);
  const own = logSumExp(tf.mul(distances, -pairAlpha), mined.positive, 1);
  const other = logSumExp(tf.mul(distances, pairBeta), mined.negative, 1);
  const perImage = tf.add(tf.div(own.logSum, pairAlpha), tf.div(other.logSum, pairBeta));
  return {
    value: tf.div(tf.sum(perImage), N),
    slope: tf.div(tf.sub(other.shares, own.shares), N),
  };
}

/** Returns the largest of each row's chosen numbers, [N, 1]; -FAR where none is chosen. */
function highest(x: tf.Tensor, chosen: tf.Tensor): tf.Tensor {
  return tf.max(masked(x, chosen), 1, true);
}

/** Returns numbers with -FAR in place of those that are not chosen. */
function masked(x: tf.Tensor, chosen: tf.Tensor): tf.Tensor {
  return tf.sub(tf.mul(x, chosen), tf.mul(tf.sub(1, chosen), FAR));
}

/**
 * Computes log(extra + sum of exp(x)) over each row's chosen numbers, [N, 1], and its derivatives by x, [N, N].
 * @param extra 0 or 1
 */
function logSumExp(x: tf.Tensor, chosen: tf.Tensor, extra = 0): { logSum: tf.Tensor; shares: tf.Tensor } {
  const largest = highest(x, chosen);
  const shift = extra > 0 ? tf.maximum(largest, 0) : largest;
  const exponentials = tf.mul(chosen, tf.exp(tf.sub(masked(x, chosen), shift)));
  const sums = tf.add(tf.sum(exponentials, 1, true), extra > 0 ? tf.exp(tf.neg(shift)) : 0);
  return { logSum: tf.add(tf.log(sums), shift), shares: tf.div(exponentials, sums) };
}
