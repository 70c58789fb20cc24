// The competition's submission: one SavedModel, images of any size in, unit vectors out.

import { Program } from "../engine/program/program";
import { writeSavedModel } from "../engine/saved_model/saved_model";
import { fillProgram } from "../model/weight_source";
import { traceImageEmbedding } from "./embedding_graph";
import type { RunModel } from "./run_model";
import { measureSpeed } from "./timing";

/**
 * The name under which the competition's host reads the unit vector: `signatures['serving_default'](image)['embedding_norm']`
 * for uint8 images [batch, height, width, 3], in the docstring of its baseline's exporter
 * (github.com/google-research/google-research, universal_embedding_challenge/export_saved_model.py; image_embedding.py
 * beside it names the outputs). The competition's own page could not be looked at.
 */
const EMBEDDING_OUTPUT = "embedding_norm";

/**
 * Writes the model into an empty folder; closes its weights.
 * @param mirror whether each image's features are averaged with those of its mirror image
 * @returns how fast it embeds images here, one at a time
 */
export async function exportSavedModel(
  { tower, config, weights }: Pick<RunModel, "tower" | "config" | "weights">,
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
