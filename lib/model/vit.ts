// Shapes: B images, H height, W width, N tokens of an image (1 + patches), R = B * N rows, D width, P patch size.
import { UserError } from "../common/errors";
import { scope } from "../tensorflow/scope";
import { tf } from "../tensorflow/tf";
import { gelu, quickGelu } from "./activations";
import { attention, layerNorm, linear } from "./layers";
import { type Activation, patchGrid, type Tower } from "./towers";

/** Weights by name; a tower's names and shapes are those of `towerShapes`. */
export type Weights = Record<string, tf.Tensor>;

const ACTIVATIONS: Record<Activation, (x: tf.Tensor2D) => tf.Tensor2D> = { gelu, quickGelu };

/**
 * Features of images: the class tokens of the last n blocks, each behind the tower's last LayerNorm.
 * open_clip: `VisionTransformer` without `proj`; DINOv2: `get_intermediate_layers(norm=True, return_class_token)`.
 *
 * Only tfjs operations on shapes known beforehand, so that the same function runs eagerly, gives gradients and
 * can be traced into a graph.
 * @param images float32 [B, H, W, 3], normalised by the tower's mean and std; H and W multiples of P
 * @param lastBlocks n, at least 1
 * @returns [B, n * D], oldest block first
 */
export function vitFeatures(
  weights: Weights,
  images: tf.Tensor4D,
  tower: Tower,
  { lastBlocks = 1 }: { lastBlocks?: number } = {},
): tf.Tensor2D {
  const tokens = tokenCount(weights, images, tower);
  if (lastBlocks < 1 || lastBlocks > tower.layers) {
    throw new UserError(
      `${tower.name} has ${tower.layers} blocks, got lastBlocks = ${lastBlocks}.`,
      `Set lastBlocks to 1 .. ${tower.layers}.`,
    );
  }
  return tf.tidy(() => {
    const classTokens: tf.Tensor2D[] = [];
    let x = embedPatches(weights, images, tower);
    for (let i = 0; i < tower.layers; i++) {
      const isLast = i === tower.layers - 1;
      x = scope(`block${String(i).padStart(2, "0")}`, () =>
        residualBlock(weights, `transformer.resblocks.${i}`, x, tower, tokens, isLast),
      );
      if (i >= tower.layers - lastBlocks) classTokens.push(isLast ? x : classToken(x, tokens));
    }
    return tf.concat(
      classTokens.map((token) => norm(weights, "ln_post", token, tower)),
      1,
    );
  });
}

/** N, by the size of the images; the position embedding must be for as many. */
function tokenCount(weights: Weights, images: tf.Tensor4D, tower: Tower): number {
  const [, height, width] = images.shape;
  const tokens = 1 + patchGrid(tower, height) * patchGrid(tower, width);
  const expected = weights.positional_embedding!.shape[0]!;
  if (tokens === expected) return tokens;
  throw new UserError(
    `Images of ${height} x ${width} px make ${tokens} tokens, the weights were loaded for ${expected}.`,
    `Load ${tower.name} for the image size at which it is used.`,
  );
}

/**
 * Images to tokens: patches times `conv1` (a convolution whose stride is its size is one matrix product), class
 * token in front, positions added, `ln_pre` where there is one. [B, H, W, 3] -> [R, D].
 */
function embedPatches(weights: Weights, images: tf.Tensor4D, tower: Tower): tf.Tensor2D {
  return tf.tidy(() => {
    const { patchSizePx: P, width: D } = tower;
    const [B, H, W] = images.shape;
    const byPatch = tf.transpose(tf.reshape(images, [B, H / P, P, W / P, P * 3]), [0, 1, 3, 2, 4]);
    const patches = tf.reshape(byPatch, [-1, P * P * 3]);
    const kernel = tf.reshape(tf.transpose(weights["conv1.weight"]!, [0, 2, 3, 1]), [D, P * P * 3]);
    const product = tf.matMul(patches, kernel, false, true);
    const embedded = weights["conv1.bias"] ? tf.add(product, weights["conv1.bias"]) : product;
    const classTokens = tf.tile(tf.reshape(weights.class_embedding!, [1, 1, D]), [B, 1, 1]);
    const tokens = tf.concat([classTokens, tf.reshape(embedded, [B, -1, D])], 1);
    const placed = tf.add(tokens, weights.positional_embedding!);
    const rows: tf.Tensor2D = tf.reshape(placed, [-1, D]);
    return tower.lnPre ? norm(weights, "ln_pre", rows, tower) : rows;
  });
}

/**
 * x + attention(ln_1(x)), then x + mlp(ln_2(x)). [R, D] -> [R, D].
 * @param classOnly behind the attention go on with the class tokens alone, [B, D]: of the last block nothing else
 * is used, and this spares three quarters of its work
 */
function residualBlock(
  weights: Weights,
  name: string,
  x: tf.Tensor2D,
  tower: Tower,
  tokens: number,
  classOnly: boolean,
): tf.Tensor2D {
  return tf.tidy(() => {
    const qkv = linear(
      norm(weights, `${name}.ln_1`, x, tower),
      weights[`${name}.attn.in_proj_weight`] as tf.Tensor2D,
      weights[`${name}.attn.in_proj_bias`] as tf.Tensor1D,
    );
    const mixed = attention(qkv, tokens, tower.heads);
    const [kept, stream] = classOnly ? [classToken(mixed, tokens), classToken(x, tokens)] : [mixed, x];
    const attended: tf.Tensor2D = tf.add(
      stream,
      branchEnd(weights, `${name}.attn.out_proj`, `${name}.ls_1`, kept),
    );
    const hidden = linear(
      norm(weights, `${name}.ln_2`, attended, tower),
      weights[`${name}.mlp.c_fc.weight`] as tf.Tensor2D,
      weights[`${name}.mlp.c_fc.bias`] as tf.Tensor1D,
    );
    const activate = ACTIVATIONS[tower.activation];
    return tf.add(attended, branchEnd(weights, `${name}.mlp.c_proj`, `${name}.ls_2`, activate(hidden)));
  });
}

/**
 * The linear layer that ends a residual branch, with its LayerScale where the tower has one: gamma (W x + b) is
 * computed as (gamma W) x + gamma b, since W has fewer numbers than the result.
 */
function branchEnd(weights: Weights, name: string, scale: string, x: tf.Tensor2D): tf.Tensor2D {
  const weight = weights[`${name}.weight`] as tf.Tensor2D;
  const bias = weights[`${name}.bias`] as tf.Tensor1D;
  const gamma = weights[`${scale}.gamma`];
  if (!gamma) return linear(x, weight, bias);
  return linear(x, tf.mul(weight, tf.reshape(gamma, [-1, 1])), tf.mul(bias, gamma));
}

function norm(weights: Weights, name: string, x: tf.Tensor2D, tower: Tower): tf.Tensor2D {
  const gain = weights[`${name}.weight`] as tf.Tensor1D;
  return layerNorm(x, gain, weights[`${name}.bias`] as tf.Tensor1D, tower.layerNormEpsilon);
}

/** The first row of each image. [R, D] -> [B, D]. */
function classToken(x: tf.Tensor2D, tokens: number): tf.Tensor2D {
  const [rows, D] = x.shape;
  return tf.slice(tf.reshape<tf.Rank.R2>(x, [rows / tokens, tokens * D]), [0, 0], [-1, D]);
}
