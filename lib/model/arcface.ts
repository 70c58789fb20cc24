// Shapes: B batch, C classes, E embedding length.
import type { TrainConfig } from "../config/config";
import { tf } from "../tensorflow/tf";

/** Keeps sqrt's gradient finite where a cosine is 1 or -1; the published code lacks it and gives NaN there. */
const SINE_SQUARED_FLOOR = 1e-12;
const NORM_FLOOR = 1e-12;

/** Rows divided by their Euclidean length. x [B, E] -> [B, E]. PyTorch: `F.normalize(x)`. */
export function l2Normalize(x: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => {
    const squared = tf.sum(tf.mul(x, x), 1, true);
    return tf.mul(x, tf.rsqrt(tf.maximum(squared, NORM_FLOOR)));
  });
}

/** Cosine of every embedding with every class's row. embeddings [B, E], rows [C, E] -> [B, C]. */
export function cosineLogits(embeddings: tf.Tensor2D, rows: tf.Tensor2D): tf.Tensor2D {
  return tf.matMul(l2Normalize(embeddings), l2Normalize(rows), false, true);
}

/** True class's cosine and margin [B, 1] (or a scalar margin) -> what stands in its place. [B, 1]. */
type MarginRule = (cosine: tf.Tensor, margin: tf.Tensor) => tf.Tensor;

/** Losses with a margin, by name. */
const MARGIN_RULES: Record<TrainConfig["loss"], MarginRule> = {
  ArcFace: angularMargin,
  CosFace: (cosine, margin) => tf.sub(cosine, margin),
};

/**
 * Cross-entropy of s times the cosines, the true class's with a margin; mean over the batch, float32 throughout.
 * ArcFace with the original's easy rule: cos(theta + m) where cos(theta) > cos(pi - m), else cos(theta) - m sin(pi - m).
 * CosFace: cos(theta) - m.
 * @param cosines [B, C]
 * @param labels [B] int32
 * @param options.s scale
 * @param options.margin a number, a scalar, or [B, 1] where each image has its own; radians for ArcFace
 * @returns scalar
 * @see https://arxiv.org/abs/1801.07698 (ArcFace), https://arxiv.org/abs/1801.09414 (CosFace)
 */
export function marginLoss(
  cosines: tf.Tensor2D,
  labels: tf.Tensor1D,
  { loss, s, margin }: { loss: TrainConfig["loss"]; s: number; margin: number | tf.Tensor },
): tf.Scalar {
  return tf.tidy(() => {
    const m = typeof margin === "number" ? tf.scalar(margin) : margin;
    const isTrue = tf.oneHot(labels, cosines.shape[1]).toFloat() as tf.Tensor2D;
    const truth = tf.sum(tf.mul(cosines, isTrue), 1, true);
    const shift = tf.sub(MARGIN_RULES[loss](truth, m), truth);
    return crossEntropy(tf.mul(tf.add(cosines, tf.mul(isTrue, shift)), s) as tf.Tensor2D, isTrue);
  });
}

function angularMargin(cosine: tf.Tensor, margin: tf.Tensor): tf.Tensor {
  const sine = tf.sqrt(tf.clipByValue(tf.sub(1, tf.mul(cosine, cosine)), SINE_SQUARED_FLOOR, 1));
  const shifted = tf.sub(tf.mul(cosine, tf.cos(margin)), tf.mul(sine, tf.sin(margin)));
  // cos(pi - m) = -cos(m) and sin(pi - m) = sin(m)
  const easy = tf.sub(cosine, tf.mul(margin, tf.sin(margin)));
  // 1 where cos(theta) > cos(pi - m), else 0; tf.step, because tfjs has no gradient for a comparison
  const isWithin = tf.step(tf.add(cosine, tf.cos(margin)));
  return tf.add(tf.mul(isWithin, shifted), tf.mul(tf.sub(1, isWithin), easy));
}

/** Softmax cross-entropy, mean over the batch. logits [B, C], isTrue [B, C] one-hot float32. */
export function crossEntropy(logits: tf.Tensor2D, isTrue: tf.Tensor2D): tf.Scalar {
  return tf.neg(tf.mean(tf.sum(tf.mul(isTrue, tf.logSoftmax(logits)), 1))) as tf.Scalar;
}
