// What a tower costs, by formula. Shapes: T tokens of an image, D width, H hidden width of the MLP, h heads, P patch.

import type { Tower } from "./tower";
import { mlpWidth, patchGrid, prefixTokens } from "./towers";

/** Matrices of the MLP: SwiGLU has one more. */
const mlpMatrices = ({ activation }: Tower) => (activation === "swiGlu" ? 3 : 2);

function tokensOf(tower: Tower, imageSizePx: number): { tokens: number; patches: number } {
  const patches = patchGrid(tower, imageSizePx) ** 2;
  return { tokens: prefixTokens(tower) + patches, patches };
}

/**
 * Floating point operations of one image's way through the tower (a multiplication and an addition are two), those of
 * matrix products; all else is small beside them.
 * @param lastBlocks only through so many last blocks; default: through the whole tower
 */
export function forwardFlops(tower: Tower, imageSizePx: number, lastBlocks?: number): number {
  const { width: D, layers, patchSizePx: P, pooling } = tower;
  const { tokens: T, patches } = tokensOf(tower, imageSizePx);
  const mlp = mlpMatrices(tower) * D * mlpWidth(tower);
  const attention = 2 * T * D;
  const block = T * (4 * D * D + mlp + attention);
  // Of the last block, what follows its attention is computed for the class token alone.
  const unused = pooling === "class" ? (T - 1) * (D * D + mlp) : 0;
  const embedding = lastBlocks === undefined ? patches * 3 * P * P * D : 0;
  return 2 * (embedding + (lastBlocks ?? layers) * block - unused);
}

/**
 * Numbers that a block keeps of each token until the backward pass, fitted to measured peaks (ViT-S/14 at 112 and
 * 224 px, ViT-B/16 at 224 px, batches of 4 to 32): it agrees with them to 2 %.
 */
const KEPT_OF_WIDTH = 11;
const KEPT_OF_HIDDEN = 3;
const KEPT_OF_ATTENTION = 0.9;
/** Under gradient checkpointing: a block's input for each block, and as much as this many blocks at once. */
const BLOCKS_AT_ONCE = 2.6;
const BYTES = 4;

/**
 * Memory that one image takes between the forward and the backward pass, float32.
 * @param blocks that the backward pass goes through
 */
export function activationBytes(
  tower: Tower,
  imageSizePx: number,
  { gradientCheckpointing, blocks }: { gradientCheckpointing: boolean; blocks: number },
): number {
  const { width: D, heads } = tower;
  const { tokens: T } = tokensOf(tower, imageSizePx);
  const kept = KEPT_OF_WIDTH * D + KEPT_OF_HIDDEN * mlpWidth(tower) + KEPT_OF_ATTENTION * heads * T;
  const ofToken = gradientCheckpointing ? blocks * D + BLOCKS_AT_ONCE * kept : blocks * kept;
  return BYTES * T * ofToken;
}
