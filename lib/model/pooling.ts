// Pooling of an image's tokens into one feature. Shapes: B images, N tokens per image, R = B * N rows, K tokens before
// the patches (class token and registers), D width, h heads, d = D / h.
import type { PatchPoolingSettings } from "../config/model";
import { tf } from "../engine/native/tf";
import { splitHeads } from "./layers";
import { ACTIVATIONS, namedLinear, namedNorm, type Weights } from "./named_layers";
import type { Pooling, Tower } from "./tower";
import { prefixTokens } from "./towers";

/**
 * Returns the feature of each image: `ln_post`, then the tower's pooling. [R, D] -> [B, D].
 * @param tokens N; or 1 if only the class tokens were kept
 */
export function poolTokens(weights: Weights, x: tf.Tensor2D, tower: Tower, tokens: number): tf.Tensor2D {
  return POOLINGS[tower.pooling](weights, x, tower, tokens);
}

/** How the last block's patch tokens are pooled. */
export type PatchPooling = Partial<PatchPoolingSettings>;

const POOLINGS: Record<Pooling, typeof poolTokens> = {
  class: (weights, x, tower, tokens) => namedNorm(weights, "ln_post", classTokens(x, tokens), tower),
  average: meanOfPatches,
  attention: (weights, x, tower, tokens) =>
    attentionPool(weights, namedNorm(weights, "ln_post", x, tower), tower, tokens),
};

/** Returns each image's patch tokens after `ln_post`, pooled by their mean or generalised mean. [R, D] -> [B, D]. */
export function poolPatches(
  weights: Weights,
  x: tf.Tensor2D,
  tower: Tower,
  tokens: number,
  { patchPooling, gemPower = 3 }: PatchPooling,
): tf.Tensor2D {
  if (patchPooling === "gem") return generalisedMean(patchTokens(weights, x, tower, tokens), gemPower);
  return meanOfPatches(weights, x, tower, tokens);
}

/** Returns the mean of each image's patch tokens, after `ln_post`. [R, D] -> [B, D]. */
function meanOfPatches(weights: Weights, x: tf.Tensor2D, tower: Tower, tokens: number): tf.Tensor2D {
  return tf.mean<tf.Tensor2D>(patchTokens(weights, x, tower, tokens), 1);
}

/** Returns each image's tokens after class token and registers, after `ln_post`. [R, D] -> [B, N - K, D]. */
function patchTokens(weights: Weights, x: tf.Tensor2D, tower: Tower, tokens: number): tf.Tensor {
  const normal = tf.reshape(namedNorm(weights, "ln_post", x, tower), [-1, tokens, tower.width]);
  return tf.slice(normal, [0, prefixTokens(tower), 0], [-1, -1, -1]);
}

/** Lower limit of GeM's values, as in its authors' code: roots and their gradients stay finite. */
const GEM_FLOOR = 1e-6;

/**
 * Returns the generalised mean over each image's tokens, (mean of x^p)^(1/p) with x at least 1e-6. [B, n, D] -> [B, D].
 * @see Radenovic et al., "Fine-tuning CNN image retrieval with no human annotation", https://arxiv.org/abs/1711.02512
 */
export function generalisedMean(tokens: tf.Tensor, power: number): tf.Tensor2D {
  const powers = tf.pow(tf.maximum(tokens, GEM_FLOOR), power);
  return tf.pow<tf.Tensor2D>(tf.mean<tf.Tensor2D>(powers, 1), 1 / power);
}

/** Returns the first row of each image. [R, D] -> [B, D]. */
export function classTokens(x: tf.Tensor2D, tokens: number): tf.Tensor2D {
  if (tokens === 1) return x;
  const [rows, D] = x.shape;
  return tf.slice(tf.reshape<tf.Rank.R2>(x, [rows / tokens, tokens * D]), [0, 0], [-1, D]);
}

/** Repeats the same rows for B images. [K, D] -> [B, K, D]. `tf.tile` is slower: its gradient takes B slices. */
export function forEachImage(rows: tf.Tensor, images: number): tf.Tensor3D {
  return tf.add(tf.zeros([images, 1, 1]), rows);
}

/**
 * Attends from one learned query to all tokens of an image, then computes x + mlp(norm(x)). [R, D] -> [B, D].
 * timm: `AttentionPoolLatent`; Hugging Face: `SiglipMultiheadAttentionPoolingHead`.
 */
function attentionPool(weights: Weights, x: tf.Tensor2D, tower: Tower, tokens: number): tf.Tensor2D {
  const { width: D, heads } = tower;
  const images = x.shape[0] / tokens;
  const latent = tf.reshape<tf.Rank.R2>(weights["attn_pool.latent"]!, [1, D]);
  const query = tf.mul(namedLinear(weights, "attn_pool.q", latent), Math.sqrt(heads / D));
  const [key, value] = splitHeads(namedLinear(weights, "attn_pool.kv", x), tokens, heads, 2); // [B h, N, d]
  const queries = tf.reshape(forEachImage(query, images), [images * heads, 1, D / heads]);
  const mixed = tf.matMul(tf.softmax(tf.matMul(queries, key!, false, true)), value!); // [B h, 1, d]
  const pooled = namedLinear(weights, "attn_pool.proj", tf.reshape(mixed, [images, D]));
  const hidden = namedLinear(
    weights,
    "attn_pool.mlp.fc1",
    namedNorm(weights, "attn_pool.norm", pooled, tower),
  );
  return tf.add(pooled, namedLinear(weights, "attn_pool.mlp.fc2", ACTIVATIONS[tower.activation](hidden)));
}
