// Losses with a margin between classes, and the unit vectors that they compare. Shapes: B batch, C classes, E embedding
// length. With tens of thousands of classes, operations on [B, C] take most of the time: the gradients are written out,
// and the true classes' elements are gathered from [B, C] and scattered back into it.
import type { LossSettings } from "../config/loss";
import { tf } from "../engine/native/tf";
import { rawOp } from "../engine/tracing/raw_op";
import { withGradient } from "./with_gradient";

/** Lower limit that keeps sqrt's gradient finite at cosines of 1 and -1, where the published code gives NaN. */
const SINE_SQUARED_FLOOR = 1e-12;
const NORM_FLOOR = 1e-12;

/** Divides vectors along `axis` by their Euclidean length. PyTorch: `F.normalize(x)`. */
export function l2Normalize<T extends tf.Tensor = tf.Tensor2D>(x: T, axis = 1): T {
  return withGradient([x], () => {
    const inverse = tf.rsqrt(tf.maximum(tf.sum(tf.square(x), axis, true), NORM_FLOOR));
    const unit = tf.mul(x, inverse);
    return {
      value: unit,
      saved: [unit, inverse],
      gradient: (dy, [unit, inverse]) => {
        const along = tf.sum(tf.mul(dy, unit!), axis, true);
        return [tf.mul(tf.sub(dy, tf.mul(unit!, along)), inverse!)];
      },
    };
  }) as tf.Tensor as T;
}

/** The value that replaces the true class's cosine, and its derivative with respect to that cosine. */
export interface Shifted {
  value: tf.Tensor;
  slope: tf.Tensor;
}

/** A margin rule: cosines of the true classes [B], margins [B] or a scalar -> the values that replace the cosines. */
export type MarginRule = (cosine: tf.Tensor, margin: tf.Tensor) => Shifted;

/** The margin rule of each loss. */
export const MARGIN_RULES: Record<LossSettings["loss"], MarginRule> = {
  ArcFace: angularMargin,
  CosFace: (cosine, margin) => ({ value: tf.sub(cosine, margin), slope: tf.onesLike(cosine) }),
};

/** Options of a margin loss. */
export interface MarginOptions {
  loss: LossSettings["loss"];
  /** Scale. */
  s: number;
  /** A number, a scalar, or [B, 1] with one margin per image; radians for ArcFace. */
  margin: number | tf.Tensor;
}

/**
 * Returns the cross-entropy of s times the cosines, with a margin on the true class; mean over the batch, in float32.
 * ArcFace has the original's easy rule: cos(theta + m) if cos(theta) > cos(pi - m), else cos(theta) - m sin(pi - m).
 * CosFace: cos(theta) - m. CosFace with margin 0 is the plain cross-entropy.
 * @param cosines [B, C]
 * @param labels [B] int32
 * @returns scalar
 * @see https://arxiv.org/abs/1801.07698 (ArcFace), https://arxiv.org/abs/1801.09414 (CosFace)
 */
export function marginLoss(
  cosines: tf.Tensor2D,
  labels: tf.Tensor1D,
  { loss, s, margin }: MarginOptions,
): tf.Scalar {
  return withGradient([cosines], () => {
    const [B] = cosines.shape;
    const m =
      typeof margin === "number" ? tf.scalar(margin) : tf.reshape(margin, margin.size === 1 ? [] : [B]);
    const truth = tf.stack([tf.range(0, B, 1, "int32"), labels], 1);
    const { value, slope } = MARGIN_RULES[loss](gather(cosines, labels), m);
    const logits = tf.mul(scatter(cosines, truth, value), s);
    const shifted = tf.sub(logits, tf.max(logits, 1, true)) as tf.Tensor2D;
    const exponentials = tf.exp(shifted);
    const sums = tf.sum(exponentials, 1, true);
    return {
      value: tf.mean(tf.sub(tf.log(tf.reshape(sums, [B])), gather(shifted, labels))),
      saved: [exponentials, sums, slope, truth, labels],
      gradient: (dy, [exponentials, sums, slope, truth, labels]) => {
        const share = tf.mul(dy, s / B);
        const towards = tf.mul(exponentials!, tf.div(share, sums!)) as tf.Tensor2D;
        const ofTruth = tf.mul(tf.sub(gather(towards, labels!), share), slope!);
        return [scatter(towards, truth!, ofTruth)];
      },
    };
  }) as tf.Tensor as tf.Scalar;
}

/** Returns the values of ArcFace, and their derivatives. */
function angularMargin(cosine: tf.Tensor, margin: tf.Tensor): Shifted {
  const [cos, sin] = [tf.cos(margin), tf.sin(margin)];
  const sineSquared = tf.sub(1, tf.square(cosine));
  const sine = tf.sqrt(tf.clipByValue(sineSquared, SINE_SQUARED_FLOOR, 1));
  const shifted = tf.sub(tf.mul(cosine, cos), tf.mul(sine, sin));
  const isOff = tf.step(tf.sub(sineSquared, SINE_SQUARED_FLOOR));
  const slope = tf.add(cos, tf.mul(isOff, tf.div(tf.mul(cosine, sin), sine)));
  // cos(pi - m) = -cos(m) and sin(pi - m) = sin(m); 1 where cos(theta) > cos(pi - m), else 0
  const easy = tf.sub(cosine, tf.mul(margin, sin));
  const isWithin = tf.step(tf.add(cosine, cos));
  const choose = (within: tf.Tensor, without: tf.Tensor | number) =>
    tf.add(tf.mul(isWithin, within), tf.mul(tf.sub(1, isWithin), without));
  return { value: choose(shifted, easy), slope: choose(slope, 1) };
}

/** Returns one element of each row. x [B, C], columns [B] -> [B]. GatherNd has no kernel on GPUs. */
function gather(x: tf.Tensor, columns: tf.Tensor): tf.Tensor {
  return rawOp("GatherV2", [x, columns, tf.scalar(1, "int32")], { batch_dims: 1 })[0]!;
}

/** Returns a matrix with other values at some places. x [B, C], places [B, 2], values [B] -> [B, C]. */
function scatter(x: tf.Tensor, places: tf.Tensor, values: tf.Tensor): tf.Tensor2D {
  return rawOp("TensorScatterUpdate", [x, places, values])[0] as tf.Tensor2D;
}
