// What a Vision Transformer is, as data.

/**
 * What distinguishes one Vision Transformer from another; the computation itself is `vitFeatures`.
 * A tower is data only: a new one of this family is a new row of the table.
 */
export interface Tower {
  /** open_clip's or DINOv2's own name. */
  name: string;
  /** Side of the square input that the tower is meant for; other multiples of the patch size work as well. */
  imageSizePx: number;
  /** Side of a square patch; one patch is one token. */
  patchSizePx: number;
  /** Width of a token: D. */
  width: number;
  /** Number of transformer blocks. */
  layers: number;
  /** Attention heads; each is width / heads wide. */
  heads: number;
  /** Hidden width of the MLP divided by the width, before rounding (`mlpWidth`). */
  mlpRatio: number;
  layerNormEpsilon: number;
  /** A learned token stands before the patches; all but SigLIP have one. */
  classToken: boolean;
  /** Number of learned tokens between class token and patches (DINOv2 with registers): R, often 0. */
  registers: number;
  /** A LayerNorm before the first block (CLIP). */
  lnPre: boolean;
  /** The patch embedding has a bias (DINOv2). */
  patchBias: boolean;
  /** Each residual branch is scaled per channel (DINOv2's LayerScale). */
  layerScale: boolean;
  /** Width behind the projection `proj` of the checkpoint, or null without one; features pass through it on demand. */
  projectionWidth: number | null;
  /** Mean and standard deviation of each channel (RGB) by which an image in 0..1 is normalised. */
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
  /** Side G of the patch grid for which the checkpoint holds positions, a row each, behind the class token's. */
  positionGrid: number;
  /** How positions are brought to the grid of another image size. */
  resampling: Resampling;
  activation: Activation;
  /** How the tokens of an image become one feature. */
  pooling: Pooling;
}

/**
 * What stands between the two layers of the MLP: GELU exactly, by the error function; x * sigmoid(1.702 x); GELU by
 * the hyperbolic tangent; silu(a) * b of the halves a, b of a first layer that is twice as wide.
 */
export type Activation = "gelu" | "quickGelu" | "geluTanh" | "swiGlu";

/**
 * The class token, the mean of the patches, or what a learned query gathers from all tokens (SigLIP's MAP head,
 * whose weights only towers with this pooling have).
 */
export type Pooling = "class" | "average" | "attention";

/** Bicubic; with antialiasing; or with DINOv2's offset of 0.1 positions (`resamplePositions`). */
export type Resampling = "bicubic" | "antialiased" | "offset";
