// Export to a SavedModel, the competition's submission: images of any size in, unit vectors out.

import { Program } from "../engine/program/program";
import { writeSavedModel } from "../engine/saved_model/saved_model";
import { fillProgram } from "../model/weight_source";
import { traceImageEmbedding } from "./embedding_graph";
import type { ExportedModel } from "./run_model";
import { measureSpeed } from "./timing";

/**
 * Name of the unit vector in the signature: the competition's host reads
 * `signatures['serving_default'](image)['embedding_norm']` for uint8 images [batch, height, width, 3], according to the
 * docstring of its baseline's exporter (github.com/google-research/google-research,
 * universal_embedding_challenge/export_saved_model.py; image_embedding.py in the same folder names the outputs). The
 * competition's own page could not be read.
 */
export const EMBEDDING_OUTPUT = "embedding_norm";

/**
 * Writes the model into an empty folder; closes its weights.
 * @param mirror whether to average each image's features with those of its mirror image
 * @returns the speed on this machine, one image at a time
 */
export async function exportSavedModel(
  { tower, config, weights }: ExportedModel,
  folder: string,
  mirror: boolean,
): Promise<{ imagesPerSecond: number }> {
  const program = new Program();
  try {
    await fillProgram(program, weights);
    const traced = traceImageEmbedding(program, { tower, config, mirror });
    const embed = await program.computedOnce("export", traced);
    await writeSavedModel(folder, program, embed, [EMBEDDING_OUTPUT]);
    return { imagesPerSecond: await measureSpeed(embed) };
  } finally {
    program.dispose();
  }
}
