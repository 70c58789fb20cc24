// Patch dropout: a training step computes only some of an image's patches. Shapes: N patches, M kept ones.
import type { RandomStream } from "../common/random";
import type { ModelSettings } from "../config/model";

/** Numbers of an image's patches: all, and those that a training step computes. */
export interface PatchCounts {
  /** N */
  all: number;
  /** M */
  kept: number;
}

/**
 * Returns how many of N patches a training step computes, at least one; undefined if it computes all.
 * @see FLIP (arXiv 2212.00794), open_clip `PatchDropout`
 */
export function patchCounts(
  all: number,
  { patchDropout }: Pick<ModelSettings, "patchDropout">,
): PatchCounts | undefined {
  return patchDropout === 0 ? undefined : { all, kept: Math.max(1, Math.floor(all * (1 - patchDropout))) };
}

/** Draws M of N patches, in their order. [M] */
export function drawPatches({ all, kept }: PatchCounts, random: RandomStream): Int32Array {
  const patches = Int32Array.from({ length: all }, (_, i) => i);
  for (let i = 0; i < kept; i++) {
    const j = random.integer(i, all - 1);
    [patches[i], patches[j]] = [patches[j]!, patches[i]!];
  }
  return patches.slice(0, kept).sort();
}
