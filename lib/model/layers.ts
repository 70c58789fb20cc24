// The layers of a tower: linear, LayerNorm, attention, each with its gradient.
// Shapes: B images, N tokens per image, R = B * N rows, D width, O outputs, h heads, d = D / h.

import { tf } from "../engine/native/tf";
import { canFuse } from "../engine/tracing/fused";
import { after } from "../engine/tracing/order";
import { rawOp } from "../engine/tracing/raw_op";
import { narrow, type Precision, widen } from "./precision";
import { withGradient } from "./with_gradient";

/** Returns the sum of all rows, the gradient of a row that is broadcast; faster than `tf.sum`. [R, O] -> [O]. */
function sumOfRows(x: tf.Tensor): tf.Tensor {
  return rawOp("BiasAddGrad", [x])[0]!;
}

/**
 * Returns x W^T + b. x [R, I], weight [O, I], bias [O] -> [R, O]. PyTorch: `F.linear`.
 * @param precision of the product and of its gradient's products
 */
export function linear(
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  bias: tf.Tensor1D,
  precision: Precision = "float32",
): tf.Tensor2D {
  return withGradient([x, weight, bias], () => {
    const [operand, matrix] = [narrow(x, precision), narrow(weight, precision)];
    return {
      // TensorFlow fuses BiasAdd into every such product; an Add only if it does not reorder it first.
      value: widen(rawOp("BiasAdd", [tf.matMul(operand, matrix, false, true), narrow(bias, precision)])[0]!),
      saved: [operand, matrix],
      gradient: (dy, [operand, matrix]) => {
        const narrowed = narrow(dy, operand!);
        const dx = tf.matMul(narrowed, matrix as tf.Tensor2D);
        const dWeight = tf.matMul(narrowed, operand as tf.Tensor2D, true, false);
        // dx reads the weight last: after it, an optimizer may change the weight in place.
        return [widen(dx), widen(after(dWeight, [dx])), sumOfRows(dy)];
      },
    };
  });
}

/** Returns x W^T in a precision, as `linear` computes it, for inference. x [R, I], weight [O, I] -> [R, O]. */
export function product(x: tf.Tensor2D, weight: tf.Tensor2D, precision: Precision): tf.Tensor2D {
  return widen(tf.matMul<tf.Tensor2D>(narrow(x, precision), narrow(weight, precision), false, true));
}

/**
 * Normalises each row to mean 0 and variance 1, then scales and shifts. x [R, D], gain [D], bias [D] -> [R, D].
 * PyTorch: `F.layer_norm`.
 */
export function layerNorm(
  x: tf.Tensor2D,
  gain: tf.Tensor1D,
  bias: tf.Tensor1D,
  epsilon: number,
): tf.Tensor2D {
  // oneDNN's kernel on the CPU takes a third of the time of the composed one
  if (canFuse("_MklLayerNorm")) return rawOp("_MklLayerNorm", [x, gain, bias], { epsilon })[0] as tf.Tensor2D;
  return withGradient([x, gain, bias], () => {
    const centred = tf.sub(x, tf.mean(x, 1, true));
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon));
    const normal = tf.mul(centred, inverse);
    const value = tf.add(tf.mul(normal, gain), bias);
    return { value, saved: [normal, inverse, gain], gradient: layerNormGradient };
  });
}

function layerNormGradient(dy: tf.Tensor2D, [normal, inverse, gain]: tf.Tensor[]): tf.Tensor[] {
  const dNormal = tf.mul(dy, gain!);
  const along = tf.mean(tf.mul(dNormal, normal!), 1, true);
  const dCentred = tf.sub(tf.sub(dNormal, tf.mean(dNormal, 1, true)), tf.mul(normal!, along));
  return [tf.mul(dCentred, inverse!), sumOfRows(tf.mul(dy, normal!)), sumOfRows(dy)];
}

/**
 * Computes multi-head self-attention within each image, without the two projections.
 * qkv [R, 3 D]: query, key and value concatenated, each as heads in order -> [R, D].
 * PyTorch: `F.scaled_dot_product_attention` with its heads split and joined.
 * @param precision of the products and of their gradients' products; the softmax is float32
 */
export function attention(
  qkv: tf.Tensor2D,
  tokens: number,
  heads: number,
  precision: Precision = "float32",
): tf.Tensor2D {
  return withGradient([qkv], () => {
    const [query, key, value] = splitHeads(narrow(qkv, precision), tokens, heads, 3);
    const scale = 1 / Math.sqrt(query!.shape[2]);
    const scaled = scaledBy(query!, scale);
    const weights = attentionWeights(scaled, key!);
    const mixed = joinHeads([tf.matMul<tf.Tensor3D>(weights, value!)], tokens, heads); // [R, D]
    const keepsWeights = tokens <= MOST_KEPT_TOKENS * query!.shape[2];
    return {
      value: widen(mixed),
      saved: [mixed, scaled, key!, value!, ...(keepsWeights ? [weights] : [])],
      gradient: (dy, saved) => [attentionGradient(dy, saved, tokens, heads, scale)],
    };
  });
}

/**
 * Number of head widths of tokens up to which attention keeps its weights for the gradient: then B h N N weights are no
 * more than query, key and value, 3 B h N d. For more tokens the backward pass computes them again, as FlashAttention
 * does (arXiv 2205.14135).
 */
export const MOST_KEPT_TOKENS = 3;

/** Returns the softmax of the products of queries and keys, in the queries' dtype. [B h, N, d] -> [B h, N, N]. */
function attentionWeights(scaled: tf.Tensor3D, key: tf.Tensor3D): tf.Tensor3D {
  return narrow(tf.softmax(widen(tf.matMul<tf.Tensor3D>(scaled, key, false, true))), scaled);
}

/** @param saved mixed [R, D]; scaled, key and value [B h, N, d]; the weights [B h, N, N] if they were kept */
function attentionGradient(
  dy: tf.Tensor2D,
  [mixed, ...saved]: tf.Tensor[],
  tokens: number,
  heads: number,
  scale: number,
) {
  const [scaled, key, value, kept] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D, tf.Tensor3D?];
  const weights = kept ?? attentionWeights(after(scaled, [dy]), key);
  const [dMixed] = splitHeads(narrow(dy, weights), tokens, heads, 1);
  const dValue: tf.Tensor3D = tf.matMul(weights, dMixed!, true, false);
  const dWeights = widen(tf.matMul(dMixed!, value, false, true));
  // The softmax's gradient needs the sum over keys of weights * dWeights, which equals dMixed . mixed.
  const along = sumOfHeads(tf.mul(dy, widen(mixed as tf.Tensor2D)), tokens, heads);
  const dScores = narrow(tf.mul(widen(weights), tf.sub(dWeights, along)), weights);
  const dQuery = scaledBy<tf.Tensor3D>(tf.matMul(dScores, key), scale);
  const dKey: tf.Tensor3D = tf.matMul(dScores, scaled, true, false);
  return widen(joinHeads([dQuery, dKey, dValue], tokens, heads));
}

/** Returns the sum of each head's numbers. [R, D] -> [B h, N, 1]. */
function sumOfHeads(x: tf.Tensor2D, tokens: number, heads: number): tf.Tensor3D {
  const [rows, width] = x.shape;
  const sums = tf.sum(tf.reshape(x, [rows / tokens, tokens, heads, width / heads]), -1); // [B, N, h]
  return tf.reshape(tf.transpose(sums, [0, 2, 1]), [-1, tokens, 1]);
}

/** Returns the tensor times a number, in the tensor's own dtype. */
function scaledBy<T extends tf.Tensor>(x: T, factor: number): T {
  return tf.mul(x, narrow(tf.scalar(factor), x));
}

/** Splits [R, p D], p concatenated parts, into p tensors [B h, N, d]. */
export function splitHeads(x: tf.Tensor2D, tokens: number, heads: number, parts: number): tf.Tensor3D[] {
  const [rows, columns] = x.shape;
  const images = rows / tokens;
  const headWidth = columns / parts / heads;
  const byPart = tf.transpose(tf.reshape(x, [images, tokens, parts, heads, headWidth]), [2, 0, 3, 1, 4]);
  return tf.unstack(tf.reshape(byPart, [parts, images * heads, tokens, headWidth])) as tf.Tensor3D[];
}

/** Joins p tensors [B h, N, d] into [R, p D]; the inverse of `splitHeads`. */
function joinHeads(parts: tf.Tensor3D[], tokens: number, heads: number): tf.Tensor2D {
  const [imagesTimesHeads, , headWidth] = parts[0]!.shape;
  const images = imagesTimesHeads / heads;
  const byPart = tf.reshape(tf.concat(parts, 0), [parts.length, images, heads, tokens, headWidth]);
  const width = parts.length * heads * headWidth;
  return tf.reshape(tf.transpose(byPart, [1, 3, 0, 2, 4]), [images * tokens, width]);
}
