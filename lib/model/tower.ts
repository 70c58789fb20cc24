// The type of a tower: a Vision Transformer as data.

/**
 * The properties in which Vision Transformers differ; `vitFeatures` is the computation.
 * A tower is only data: a new one of this family is a new row of the table.
 */
export interface Tower {
  /** open_clip's or DINOv2's own name. */
  name: string;
  /** Side of the tower's own square input; other multiples of the patch size work as well. */
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
  /** True if a learned token precedes the patches; all but SigLIP have one. */
  classToken: boolean;
  /** Number of learned tokens between class token and patches (DINOv2 with registers); often 0. */
  registers: number;
  /** True if a LayerNorm precedes the first block (CLIP). */
  lnPre: boolean;
  /** True if the patch embedding has a bias (DINOv2). */
  patchBias: boolean;
  /** True if each residual branch is scaled per channel (DINOv2's LayerScale). */
  layerScale: boolean;
  /** Output width of the checkpoint's projection `proj`, or null; features pass through it only on request. */
  projectionWidth: number | null;
  /** Mean and standard deviation of each channel (RGB) that normalise an image in 0..1. */
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
  /** Side G of the patch grid of the checkpoint's positions: one row each, after the class token's. */
  positionGrid: number;
  /** Method that resamples positions for the grid of another image size. */
  resampling: Resampling;
  activation: Activation;
  /** Method that makes one feature of an image's tokens. */
  pooling: Pooling;
}

/**
 * The activation between the two layers of the MLP: exact GELU, by the error function; x * sigmoid(1.702 x); GELU by
 * the hyperbolic tangent; silu(a) * b of the halves a, b of a first layer that is twice as wide.
 */
export type Activation = "gelu" | "quickGelu" | "geluTanh" | "swiGlu";

/**
 * The pooling of tokens: the class token, the mean of the patches, or attention from a learned query to all tokens
 * (SigLIP's MAP head; only towers with this pooling have its weights).
 */
export type Pooling = "class" | "average" | "attention";

/** A resampling of positions: bicubic, with antialiasing, or with DINOv2's offset of 0.1 (`resamplePositions`). */
export type Resampling = "bicubic" | "antialiased" | "offset";
