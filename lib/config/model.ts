// Settings of the model: tower, neck and head.
import { z } from "zod";
import { count, type SettingsOf, setting, text } from "./setting";

/** The rows of the model settings. */
export const MODEL = {
  tower: setting(text, "ViT-H-14", "Name of the Vision Transformer in the table of towers."),
  weights: setting(
    text,
    "checkpoints/ViT_H_14_2B_vision_model.safetensors",
    "Safetensors file with the tower's weights, or `random` for freshly initialised ones (tests only).",
  ),
  imageSize: setting(count, 224, "Side length of the square input, px."),
  lastBlocks: setting(
    count,
    1,
    "Number of last blocks whose outputs (class tokens in most towers) are concatenated into the features.",
  ),
  patchMean: setting(
    z.boolean(),
    false,
    "Append the mean of the last block's patch tokens, taken after the final LayerNorm, to the features.",
  ),
  standardise: setting(
    z.boolean(),
    false,
    "Standardise features by the training set's mean and standard deviation before the neck.",
  ),
  neck: setting(
    z.enum(["simple", "norm_single_linear", "norm_double_linear"]),
    "simple",
    "`simple`: one linear layer; `norm_single_linear`: batch norm before it; `norm_double_linear`: batch norm, then two linear layers with `2 x embeddingDim` units between them (the original's dropout here: .3).",
  ),
  dropout: setting(z.number().min(0).lt(1), 0.2, "Dropout rate before the neck's (first) linear layer."),
  embeddingDim: setting(count, 64, "Length of the embedding."),
  head: setting(
    z.enum(["Arc_face", "Sub_Arc_face"]),
    "Arc_face",
    "`Arc_face`: one row per class; `Sub_Arc_face`: several rows per class, the nearest counts.",
  ),
  subCentres: setting(count, 2, "Rows per class of `Sub_Arc_face`."),
};

/** Settings of the model. */
export interface ModelSettings extends SettingsOf<typeof MODEL> {}

/** Settings that define the number of rows per class in the head. */
export type ClassRowSettings = Pick<ModelSettings, "head" | "subCentres">;

/** Settings that define the embedding: runs that agree in them can use each other's weights. */
export type NeckSettings = Pick<ModelSettings, "neck" | "embeddingDim" | "standardise">;
