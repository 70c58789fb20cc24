// Settings of the model: tower, neck and head.
import { z } from "zod";
import { count, countOrZero, positive, type SettingsOf, setting, text } from "./setting";

/** Ways in which an image becomes a square. */
export const RESIZE_MODES = ["squash", "crop", "pad"] as const;
/** A way in which an image becomes a square. */
export type ResizeMode = (typeof RESIZE_MODES)[number];

/** The rows of the model settings. */
export const MODEL = {
  /** Name of the Vision Transformer in the table of towers. */
  tower: setting(text, "ViT-H-14"),
  /** Safetensors file with the tower's weights, or `random` for freshly initialised ones (tests only). */
  weights: setting(text, "checkpoints/ViT_H_14_2B_vision_model.safetensors"),
  /** Side length of the square input, px. */
  imageSize: setting(count, 224),
  /**
   * Side length at which the model is evaluated, embeds and is exported, px: the positions are resampled for it; 0 =
   * `imageSize`. A larger one costs no training time.
   */
  evalImageSize: setting(countOrZero, 0),
  /**
   * How an image becomes a square: `squash` ignores its aspect ratio (the original), `crop` takes the square in its
   * middle, `pad` puts it on black (open_clip's `squash`, `shortest` and `longest`).
   */
  resizeMode: setting(z.enum(RESIZE_MODES), "squash"),
  /**
   * Number of last blocks whose outputs (class tokens in most towers) are concatenated into the features.
   */
  lastBlocks: setting(count, 1),
  /**
   * Append a pooling of the last block's patch tokens, taken after the final LayerNorm, to the features. `mean`: their
   * mean (DINOv2's linear evaluation); `gem`: their generalised mean, (mean of x^p)^(1/p) with x at least 1e-6
   * (Radenovic et al. 2018).
   */
  patchPooling: setting(z.enum(["none", "mean", "gem"]), "none"),
  /** Power p of `gem`: 1 is the mean of the positive parts, a large one approaches the maximum. */
  gemPower: setting(positive, 3),
  /** Standardise features by the training set's mean and standard deviation before the neck. */
  standardise: setting(z.boolean(), false),
  /**
   * `simple`: one linear layer; `norm_single_linear`: batch norm before it; `norm_double_linear`: batch
   * norm, then two linear layers with `2 x embeddingDim` units between them (the original's dropout here:
   * 0.3).
   */
  neck: setting(z.enum(["simple", "norm_single_linear", "norm_double_linear"]), "simple"),
  /** Dropout rate before the neck's (first) linear layer. */
  dropout: setting(z.number().min(0).lt(1), 0.2),
  /**
   * Share of an image's patches that a training step leaves out, drawn anew for each image and step; class token and
   * registers stay. Steps become faster by about that share; embedding takes all patches (FLIP; open_clip's
   * `PatchDropout`).
   */
  patchDropout: setting(z.number().min(0).lt(1), 0),
  /**
   * Rank r of low-rank adapters (LoRA): of the backbone, a run trains only A [r, inputs] and B [outputs, r] for each
   * matrix of attention and MLP in the last `trainedBlocks` blocks (0 = all); 0 = no adapters. Their rate is
   * `backboneLrFactor` x `initLr`. Embedding and exports have them merged into the matrices (Hu et al. 2021; peft).
   */
  loraRank: setting(countOrZero, 0),
  /** Scale of the adapters: a matrix is W + `loraAlpha` / `loraRank` x B A (peft's `lora_alpha`). */
  loraAlpha: setting(positive, 8),
  /** Length of the embedding. */
  embeddingDim: setting(count, 64),
  /** `Arc_face`: one row per class; `Sub_Arc_face`: several rows per class, the nearest counts. */
  head: setting(z.enum(["Arc_face", "Sub_Arc_face"]), "Arc_face"),
  /** Rows per class of `Sub_Arc_face`. */
  subCentres: setting(count, 2),
};

/** Settings of the model. */
export interface ModelSettings extends SettingsOf<typeof MODEL> {}

/** Settings that define how the last block's patch tokens are pooled. */
export type PatchPoolingSettings = Pick<ModelSettings, "patchPooling" | "gemPower">;

/** Settings that define the number of rows per class in the head. */
export type ClassRowSettings = Pick<ModelSettings, "head" | "subCentres">;

/** Settings that define the embedding: runs that agree in them can use each other's weights. */
export type NeckSettings = Pick<ModelSettings, "neck" | "embeddingDim" | "standardise">;

/** Returns settings with which a run evaluates, embeds and is exported: its `imageSize` is that of the evaluation. */
export function atEvaluationSize<C extends Pick<ModelSettings, "imageSize" | "evalImageSize">>(config: C): C {
  return { ...config, imageSize: config.evalImageSize || config.imageSize, evalImageSize: 0 };
}
