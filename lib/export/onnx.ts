// Export to ONNX (onnxruntime, transformers.js): normalised pixels in, unit vectors out.

import { join } from "node:path";
import { writeJson } from "../common/files/files";
import type { ModelSettings, ResizeMode } from "../config/model";
import { Program } from "../engine/program/program";
import type { Tower } from "../model/tower";
import { fillProgram } from "../model/weight_source";
import { traceTensorEmbedding } from "./embedding_graph";
import { convertGraph } from "./onnx/conversion";
import { MAPPINGS } from "./onnx/mappings";
import { writeOnnx } from "./onnx/write";
import type { ExportedModel } from "./run_model";

/** Name of the ONNX model's output; its input is `pixel_values`. */
export const OUTPUT = "embedding";

/** PIL's BILINEAR, as Hugging Face's processors name it. */
const BILINEAR = 2;

/**
 * Writes `model.onnx` and `preprocessor_config.json` into an empty folder; closes the model's weights.
 * @param mirror whether to average each image's features with those of its mirror image
 * @returns names of the model's files
 */
export async function exportOnnx(
  { tower, config, weights }: ExportedModel,
  folder: string,
  mirror: boolean,
): Promise<string[]> {
  const program = new Program();
  try {
    await fillProgram(program, weights);
    const traced = traceTensorEmbedding(program, { tower, config, mirror });
    const embed = await program.computedOnce("export", traced);
    const files = await writeOnnx(folder, program, convertGraph(embed, MAPPINGS, [OUTPUT]));
    writeJson(join(folder, "preprocessor_config.json"), preprocessorConfig(tower, config));
    return files;
  } finally {
    program.dispose();
  }
}

/** Ways to make an image a square that Hugging Face's processors know; they cannot put one in the middle of black. */
const PROCESSORS: Record<ResizeMode, (side: number) => object> = {
  squash: (side) => ({ image_processor_type: "ViTImageProcessor", size: { height: side, width: side } }),
  crop: (side) => ({
    image_processor_type: "CLIPImageProcessor",
    size: { shortest_edge: side },
    do_center_crop: true,
    crop_size: { height: side, width: side },
  }),
  pad: (side) => PROCESSORS.squash(side),
};

/**
 * Returns the file that tells transformers and transformers.js how an image becomes `pixel_values`; with `pad`, an image
 * that has been made a square.
 */
function preprocessorConfig(
  { mean, std }: Tower,
  { imageSize, resizeMode }: Pick<ModelSettings, "imageSize" | "resizeMode">,
): object {
  return {
    ...PROCESSORS[resizeMode](imageSize),
    do_resize: true,
    resample: BILINEAR,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
  };
}
