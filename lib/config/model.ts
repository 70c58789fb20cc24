// The parts of the model.
import { z } from "zod";
import { count, type SettingsOf, setting, text } from "./setting";

/** Tower, neck and head. */
export const MODEL = {
  tower: setting(text, "ViT-H-14", "Name of the Vision Transformer in the table of towers."),
  weights: setting(
    text,
    "checkpoints/ViT_H_14_2B_vision_model.safetensors",
    "Safetensors file of the tower, or `random` for a freshly initialised one (tests only).",
  ),
  imageSize: setting(count, 224, "Side of the square input, px."),
  lastBlocks: setting(
    count,
    1,
    "Number of last blocks whose outputs are concatenated to the features (the class tokens, in most towers).",
  ),
  patchMean: setting(
    z.boolean(),
    false,
    "Append the mean of the last block's patch tokens, taken after the final LayerNorm, to the features.",
  ),
  standardise: setting(
    z.boolean(),
    false,
    "Standardise features by the training set's mean and deviation before the neck.",
  ),
  neck: setting(
    z.enum(["simple", "norm_single_linear", "norm_double_linear"]),
    "simple",
    "`simple`: one linear layer; `norm_single_linear`: batch norm before it; `norm_double_linear`: two linear layers, `2 x embeddingDim` wide between them (the original's dropout there: .3).",
  ),
  dropout: setting(z.number().min(0).lt(1), 0.2, "Dropout before the neck's linear layer."),
  embeddingDim: setting(count, 64, "Length of the embedding."),
  head: setting(
    z.enum(["Arc_face", "Sub_Arc_face"]),
    "Arc_face",
    "`Arc_face`: one row per class; `Sub_Arc_face`: several, of which the nearest counts.",
  ),
  subCentres: setting(count, 2, "Rows per class of `Sub_Arc_face`."),
};

/** The settings of the model. */
export interface ModelSettings extends SettingsOf<typeof MODEL> {}

/** The settings that say how many rows a class has in the head. */
export type ClassRowSettings = Pick<ModelSettings, "head" | "subCentres">;

/** The settings that say what an embedding is made of: equal ones fit each other's weights. */
export type NeckSettings = Pick<ModelSettings, "neck" | "embeddingDim" | "standardise">;
