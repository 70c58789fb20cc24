// The Vision Transformer: images to tokens and features.
// Shapes: B images, H height, W width, K prefix tokens (class token and registers), N = K + patches tokens per image,
// R = B * N rows, D width, P patch size.
import { UserError } from "../common/errors";
import { tf } from "../engine/native/tf";
import { recompute } from "../engine/tracing/recompute";
import { scope } from "../engine/tracing/scope";
import { residualBlock } from "./block";
import { namedNorm, type Weights } from "./named_layers";
import { forEachImage, type PatchPooling, poolPatches, poolTokens } from "./pooling";
import type { Precision } from "./precision";
import type { Tower } from "./tower";
import { patchGrid, prefixTokens } from "./towers";
import { blockName } from "./weight_names";

export type { Weights };

/** Options of an image's features, and of their computation. */
export interface FeatureOptions extends PatchPooling {
  /** n >= 1: concatenate the features of the last n blocks, in the order of the blocks. */
  lastBlocks?: number;
  /** Apply the checkpoint's `proj` to each block's feature, as CLIP does to compare it with texts; needs `proj`. */
  projection?: boolean;
  /** Number format of the blocks' matrix products; others than float32 only while tracing. */
  precision?: Precision;
  /** Compute only these patches of each image, [B, M] int32, as if there were no others; default: all. */
  patches?: tf.Tensor2D | undefined;
  /** Save only each block's input; the backward pass recomputes the rest: less memory, a third slower. */
  gradientCheckpointing?: boolean;
  /**
   * Number of independent parts of each block's work, which a session runs in parallel; `mostParts` returns allowed
   * numbers. For inference; default 1.
   */
  parts?: number;
}

/** Returns F, the length of a feature, without projection. */
export function featureLength(
  tower: Pick<Tower, "width">,
  { lastBlocks = 1, patchPooling = "none" }: Pick<FeatureOptions, "lastBlocks" | "patchPooling">,
): number {
  return (lastBlocks + (patchPooling === "none" ? 0 : 1)) * tower.width;
}

/**
 * Returns features of images: the tokens of the last n blocks, each after the tower's final LayerNorm and pooling.
 * open_clip: `VisionTransformer`, without `proj` unless requested; DINOv2: `get_intermediate_layers(norm=True,
 * return_class_token)`, to which its linear evaluation adds the mean of the patches; timm's SigLIP: `forward_features`
 * and `forward_head`.
 *
 * It uses only tfjs operations on static shapes, so that the same function runs eagerly, is differentiable and can be
 * traced into a graph.
 * @param images float32 [B, H, W, 3], normalised by the tower's mean and std; H and W multiples of P
 * @returns [B, n * D], or [B, (n + 1) * D] with pooled patches, or [B, n * projectionWidth]
 * @throws UserError if the tower has fewer blocks, no `proj`, or weights for another image size
 * @example
 * const features = vitFeatures(weights, images, findTower("tiny"), { lastBlocks: 2 });
 */
export function vitFeatures(
  weights: Weights,
  images: tf.Tensor4D,
  tower: Tower,
  options: FeatureOptions = {},
): tf.Tensor2D {
  const { lastBlocks = 1, patchPooling = "none", projection = false } = options;
  const { precision = "float32", gradientCheckpointing, parts = 1, patches } = options;
  const all = tokenCount(weights, images, tower);
  const tokens = patches ? prefixTokens(tower) + patches.shape[1] : all;
  requireFeatures(weights, tower, lastBlocks, projection);
  return tf.tidy(() => {
    const features: tf.Tensor2D[] = [];
    let x = scope("embed", () => embedPatches(weights, images, tower, patches));
    for (let i = 0; i < tower.layers; i++) {
      const classOnly = i === tower.layers - 1 && tower.pooling === "class" && patchPooling === "none";
      const block: Block = (weights, x) =>
        residualBlock(weights, blockName(i), x, tower, { tokens, classOnly, parts, precision });
      x = scope(`block${String(i).padStart(2, "0")}`, () =>
        gradientCheckpointing ? recomputed(block, weights, blockName(i), x) : block(weights, x),
      );
      if (i >= tower.layers - lastBlocks)
        features.push(scope("pool", () => poolTokens(weights, x, tower, classOnly ? 1 : tokens)));
    }
    const proj = weights.proj as tf.Tensor2D;
    const pooled = projection ? features.map((feature) => tf.matMul<tf.Tensor2D>(feature, proj)) : features;
    if (patchPooling !== "none")
      pooled.push(scope("patches", () => poolPatches(weights, x, tower, tokens, options)));
    return tf.concat(pooled, 1);
  });
}

/** A block of the tower, [R, D] -> [R, D]. */
type Block = (weights: Weights, x: tf.Tensor2D) => tf.Tensor2D;

/** Computes a block under gradient checkpointing; its weights are those below `name`. */
function recomputed(block: Block, weights: Weights, name: string, x: tf.Tensor2D): tf.Tensor2D {
  const names = Object.keys(weights).filter((weight) => weight.startsWith(`${name}.`));
  const body = (x: tf.Tensor, ...values: tf.Tensor[]) =>
    block(Object.fromEntries(names.map((name, i) => [name, values[i]!])), x as tf.Tensor2D);
  return recompute(body, [x, ...names.map((name) => weights[name]!)]);
}

function requireFeatures(weights: Weights, tower: Tower, lastBlocks: number, projection: boolean): void {
  if (lastBlocks < 1 || lastBlocks > tower.layers) {
    throw new UserError(
      `${tower.name} has ${tower.layers} blocks, got lastBlocks = ${lastBlocks}.`,
      `Set lastBlocks to 1 .. ${tower.layers}.`,
    );
  }
  if (!projection || weights.proj) return;
  throw new UserError(
    `Expected weights of ${tower.name} with a "proj" for features after the projection: they have no "proj".`,
    tower.projectionWidth === null
      ? "Ask for features without projection: this tower has none."
      : "Take the weights from the file with { projection: true }.",
  );
}

/** Returns N for the images' size. @throws UserError if the position embedding is for another number of tokens */
function tokenCount(weights: Weights, images: tf.Tensor4D, tower: Tower): number {
  const [, height, width] = images.shape;
  const tokens = prefixTokens(tower) + patchGrid(tower, height) * patchGrid(tower, width);
  const expected = weights.positional_embedding!.shape[0]! + tower.registers;
  if (tokens === expected) return tokens;
  throw new UserError(
    `Images of ${height} x ${width} px make ${tokens} tokens, but the weights were loaded for ${expected}.`,
    `Load ${tower.name} for the size of the images.`,
  );
}

/**
 * Turns images into tokens, [B, H, W, 3] -> [R, D]: multiplies patches by `conv1` (a convolution whose stride is its
 * size is one matrix product), adds positions, prepends class token and registers, applies `ln_pre` if there is one.
 */
function embedPatches(
  weights: Weights,
  images: tf.Tensor4D,
  tower: Tower,
  chosen?: tf.Tensor2D,
): tf.Tensor2D {
  return tf.tidy(() => {
    const { patchSizePx: P, width: D } = tower;
    const kernel = tf.reshape(tf.transpose(weights["conv1.weight"]!, [0, 2, 3, 1]), [D, P * P * 3]);
    const pixels = cutPatches(images, tower);
    const product = tf.matMul(chosen ? chosenRows(pixels, chosen) : pixels, kernel, false, true);
    const embedded = weights["conv1.bias"] ? tf.add(product, weights["conv1.bias"]) : product;
    const patches: tf.Tensor3D = tf.reshape(embedded, [images.shape[0], -1, D]);
    const rows: tf.Tensor2D = tf.reshape(addPositions(weights, patches, tower, chosen), [-1, D]);
    return tower.lnPre ? namedNorm(weights, "ln_pre", rows, tower) : rows;
  });
}

/** Returns one row per patch, pixel by pixel; drops pixels after the last whole patch. [B, H, W, 3] -> [.., P P 3]. */
function cutPatches(images: tf.Tensor4D, tower: Tower): tf.Tensor2D {
  const P = tower.patchSizePx;
  const [B, H, W] = images.shape;
  const [rows, columns] = [patchGrid(tower, H), patchGrid(tower, W)];
  const whole = rows * P === H && columns * P === W;
  const cut = whole ? images : tf.slice(images, [0, 0, 0, 0], [B, rows * P, columns * P, 3]);
  const byPatch = tf.transpose(tf.reshape(cut, [B, rows, P, columns, P * 3]), [0, 1, 3, 2, 4]);
  return tf.reshape(byPatch, [-1, P * P * 3]);
}

/** Returns the rows of each image's chosen patches, [B patches, n] -> [B M, n]. @param chosen [B, M] */
function chosenRows(rows: tf.Tensor2D, chosen: tf.Tensor2D): tf.Tensor2D {
  const byImage = tf.reshape(rows, [chosen.shape[0], -1, rows.shape[1]]);
  return tf.reshape(tf.gather(byImage, chosen, 1, 1), [-1, rows.shape[1]]);
}

/**
 * Adds positions to class token and patches; registers have none. [B, patches, D] -> [B, N, D].
 * @param chosen the patches that `patches` holds of each image, [B, M]; default: all
 */
function addPositions(
  weights: Weights,
  patches: tf.Tensor3D,
  tower: Tower,
  chosen?: tf.Tensor2D,
): tf.Tensor3D {
  const positions = weights.positional_embedding as tf.Tensor2D;
  const ofChosen = (all: tf.Tensor) =>
    chosen ? tf.reshape(tf.gather(all, tf.reshape(chosen, [-1])), patches.shape) : all;
  if (!tower.classToken) return tf.add(patches, ofChosen(positions));
  const [ofClass, ofPatches] = tf.split(positions, [1, positions.shape[0] - 1]);
  const prefix: tf.Tensor[] = [tf.add(ofClass!, weights.class_embedding!)];
  if (tower.registers > 0) prefix.push(weights.register_tokens!);
  return tf.concat(
    [forEachImage(tf.concat(prefix, 0), patches.shape[0]), tf.add(patches, ofChosen(ofPatches!))],
    1,
  );
}
