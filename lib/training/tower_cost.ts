// A tower's cost in operations and memory, by formula.
// Shapes: T tokens per image, D width, H hidden width of the MLP, h heads, P patch size.

import { MOST_KEPT_TOKENS } from "../model/layers";
import { patchCounts } from "../model/patch_dropout";
import type { Tower } from "../model/tower";
import { mlpWidth, patchGrid, prefixTokens } from "../model/towers";

/** Returns the number of matrices in the MLP: SwiGLU has one more. */
const mlpMatrices = ({ activation }: Tower) => (activation === "swiGlu" ? 3 : 2);

function tokensOf(tower: Tower, imageSizePx: number, patchDropout = 0): { tokens: number; patches: number } {
  const all = patchGrid(tower, imageSizePx) ** 2;
  const patches = patchCounts(all, { patchDropout })?.kept ?? all;
  return { tokens: prefixTokens(tower) + patches, patches };
}

/**
 * Returns the floating point operations of one image's forward pass (a multiplication and an addition are two). It
 * counts matrix products only; all else is negligible.
 * @param options.lastBlocks count only this many last blocks; default: the whole tower
 * @param options.patchDropout share of the patches that is left out
 */
export function forwardFlops(
  tower: Tower,
  imageSizePx: number,
  { lastBlocks, patchDropout }: { lastBlocks?: number | undefined; patchDropout?: number } = {},
): number {
  const { width: D, layers, patchSizePx: P, pooling } = tower;
  const { tokens: T, patches } = tokensOf(tower, imageSizePx, patchDropout);
  const mlp = mlpMatrices(tower) * D * mlpWidth(tower);
  const attention = 2 * T * D;
  const block = T * (4 * D * D + mlp + attention);
  // After its attention, the last block computes the class token only.
  const unused = pooling === "class" ? (T - 1) * (D * D + mlp) : 0;
  const embedding = lastBlocks === undefined ? patches * 3 * P * P * D : 0;
  return 2 * (embedding + (lastBlocks ?? layers) * block - unused);
}

/**
 * Factors in the count of numbers that a block saves per token for the backward pass: of its width, of the MLP's hidden
 * width, and of heads x T. They are fitted to measured peaks (ViT-S/14 at 112 and 224 px, ViT-B/16 at 224 px, batches
 * of 4 to 32), agreed with them to 2 % and were then lowered by what attention no longer keeps: one width, and of more
 * than `MOST_KEPT_TOKENS` head widths of tokens its weights (ViT-B/14, 224 px, batch 8: 3,270 -> 2,963 MB).
 */
const KEPT_OF_WIDTH = 10;
const KEPT_OF_HIDDEN = 3;
const KEPT_OF_ATTENTION = 0.9;
/** Under gradient checkpointing, memory is one input per block plus the memory of this many blocks. */
const BLOCKS_AT_ONCE = 2.6;
const BYTES = 4;

/**
 * Returns the memory that one image takes between forward and backward pass in float32, bytes.
 * @param options.blocks number of blocks in the backward pass
 * @param options.patchDropout share of the patches that is left out
 */
export function activationBytes(
  tower: Tower,
  imageSizePx: number,
  options: { gradientCheckpointing: boolean; blocks: number; patchDropout?: number },
): number {
  const { gradientCheckpointing, blocks, patchDropout } = options;
  const { width: D, heads } = tower;
  const { tokens: T } = tokensOf(tower, imageSizePx, patchDropout);
  const keptTokens = T <= (MOST_KEPT_TOKENS * D) / heads ? T : 0;
  const kept = KEPT_OF_WIDTH * D + KEPT_OF_HIDDEN * mlpWidth(tower) + KEPT_OF_ATTENTION * heads * keptTokens;
  const ofToken = gradientCheckpointing ? blocks * D + BLOCKS_AT_ONCE * kept : blocks * kept;
  return BYTES * T * ofToken;
}
