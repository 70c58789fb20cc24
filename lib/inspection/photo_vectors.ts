// A model's vectors of photos, embedded once and kept by content.
import type { ProgressOptions } from "../common/progress";
import { preset } from "../config/presets";
import { findModel, openModel } from "../embedding/find_model";
import { embedPhotos, type PhotoList, type PhotoVectors } from "../features/embed_photos";

const PRESET = "demo";

/**
 * Embeds photos by a model, or returns the vectors that are kept.
 * @param model as `findModel` takes it; default: the backbone of the preset demo
 */
export async function photoVectors(
  model: string | undefined,
  list: PhotoList,
  options: ProgressOptions,
): Promise<PhotoVectors> {
  const embedder = openModel(await findModel(model, preset(PRESET, "frozen"), options));
  try {
    return await embedPhotos(embedder, list, options);
  } finally {
    embedder.dispose();
  }
}
