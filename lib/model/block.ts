// A block of a tower, whole or in parts. Shapes: B images, N tokens per image, R = B * N rows, D width, I width of the
// MLP, p parts.

import { tf } from "../engine/native/tf";
import { scope } from "../engine/tracing/scope";
import { attention, linear, product } from "./layers";
import { ACTIVATIONS, namedNorm, type Weights } from "./named_layers";
import { classTokens } from "./pooling";
import type { Precision } from "./precision";
import type { Tower } from "./tower";
import { mlpWidth } from "./towers";

/** Options of the computation of a block. */
export interface BlockOptions {
  /** N. */
  tokens: number;
  /**
   * Keep only the class tokens after the attention, [B, D]. Nothing else of the last block is used, so this saves three
   * quarters of its work.
   */
  classOnly: boolean;
  /** p: number of parts that share the heads and the MLP's hidden units. */
  parts: number;
  /** The number format of its matrix products. */
  precision: Precision;
}

/** One of p parts, by its index. */
interface Part extends Pick<BlockOptions, "parts" | "precision"> {
  index: number;
}

/**
 * Returns the largest number of parts, up to `wanted`, into which a tower's blocks can be split evenly: all parts have
 * the same number of heads and of the MLP's hidden units.
 */
export function mostParts(tower: Tower, wanted: number): number {
  const hidden = mlpWidth(tower);
  let parts = Math.max(1, Math.min(wanted, tower.heads));
  while (tower.heads % parts !== 0 || hidden % parts !== 0) parts--;
  return parts;
}

/**
 * Returns x + attention(ln_1(x)), then x + mlp(ln_2(x)). [R, D] -> [R, D]. In parts: each computes some heads and some
 * of the MLP's hidden units, from LayerNorm to one term of the sum (Megatron-LM, arXiv 1909.08053).
 */
export function residualBlock(
  weights: Weights,
  name: string,
  x: tf.Tensor2D,
  tower: Tower,
  { tokens, classOnly, parts, precision }: BlockOptions,
): tf.Tensor2D {
  return tf.tidy(() => {
    const normal = scope("ln_1", () => namedNorm(weights, `${name}.ln_1`, x, tower));
    const attended = scope("attention", () => {
      const stream = classOnly ? classTokens(x, tokens) : x;
      return sumOfParts(stream, { parts, precision }, (part) => {
        const qkv = scope("qkv", () => partOfRows(weights, `${name}.attn.in_proj_`, 3, normal, part));
        const mixed = attention(qkv, tokens, tower.heads / parts, precision);
        const kept = classOnly ? classTokens(mixed, tokens) : mixed;
        return scope("out", () => branchEnd(weights, `${name}.attn.out_proj`, `${name}.ls_1`, kept, part));
      });
    });
    const normalAgain = scope("ln_2", () => namedNorm(weights, `${name}.ln_2`, attended, tower));
    return scope("mlp", () => {
      const isGated = tower.activation === "swiGlu"; // two stacked matrices
      const [first, last] = isGated ? ["w12", "w3"] : ["c_fc", "c_proj"];
      return sumOfParts(attended, { parts, precision }, (part) => {
        const ofFirst = `${name}.mlp.${first}.`;
        const hidden = scope("in", () => partOfRows(weights, ofFirst, isGated ? 2 : 1, normalAgain, part));
        const activated = ACTIVATIONS[tower.activation](hidden);
        return scope("out", () => branchEnd(weights, `${name}.mlp.${last}`, `${name}.ls_2`, activated, part));
      });
    });
  });
}

function sumOfParts(
  x: tf.Tensor2D,
  all: Omit<Part, "index">,
  term: (part: Part) => tf.Tensor2D,
): tf.Tensor2D {
  let sum = x;
  for (let index = 0; index < all.parts; index++) sum = tf.add<tf.Tensor2D>(sum, term({ ...all, index }));
  return sum;
}

/**
 * Returns a part of the results of the linear layer `<prefix>weight`, `<prefix>bias`, whose matrix is several stacked
 * ones: the same share of each. [R, D] -> [R, O / p].
 */
function partOfRows(weights: Weights, prefix: string, matrices: number, x: tf.Tensor2D, part: Part) {
  const rows = <T extends tf.Tensor>(values: T) => rowsOf(values, matrices, part);
  const [weight, bias] = [weights[`${prefix}weight`], weights[`${prefix}bias`]];
  return linear(x, rows(weight as tf.Tensor2D), rows(bias as tf.Tensor1D), part.precision);
}

function rowsOf<T extends tf.Tensor>(values: T, matrices: number, { index, parts }: Part): T {
  if (parts === 1) return values;
  const [count, ...rest] = values.shape as [number, ...number[]];
  const rows = count / matrices / parts;
  const cut = tf.reshape(values, [matrices, parts, rows, ...rest]);
  const start = [0, index, 0, ...rest.map(() => 0)];
  return tf.reshape(tf.slice(cut, start, [matrices, 1, rows, ...rest]), [count / parts, ...rest]) as T;
}

/**
 * Computes the linear layer that ends a residual branch, with its LayerScale if the tower has one: gamma (W x + b) as
 * (gamma W) x + gamma b, since W has fewer numbers than the result. A part multiplies its columns of W; the first part
 * adds the bias.
 */
function branchEnd(weights: Weights, name: string, scale: string, x: tf.Tensor2D, part: Part): tf.Tensor2D {
  const gamma = weights[`${scale}.gamma`];
  const [whole, bias] = [weights[`${name}.weight`] as tf.Tensor2D, weights[`${name}.bias`] as tf.Tensor1D];
  const scaled = gamma ? tf.mul<tf.Tensor2D>(whole, tf.reshape(gamma, [-1, 1])) : whole;
  const matrix = columnsOf(scaled, part);
  if (part.index > 0) return product(x, matrix, part.precision);
  return linear(x, matrix, gamma ? tf.mul(bias, gamma) : bias, part.precision);
}

function columnsOf(matrix: tf.Tensor2D, { index, parts }: Part): tf.Tensor2D {
  if (parts === 1) return matrix;
  const [rows, columns] = matrix.shape;
  return tf.slice(matrix, [0, (index * columns) / parts], [rows, columns / parts]);
}
