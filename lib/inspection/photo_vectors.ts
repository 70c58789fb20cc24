// A model's vectors of photos, embedded once and kept.
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { cacheFolder } from "../common/files/kept_folder";
import type { ProgressOptions } from "../common/progress";
import type { Texts } from "../common/texts";
import { preset } from "../config/presets";
import { findModel, openModel } from "../embedding/find_model";
import type { Features } from "../features/feature_files";
import { ensureKeptFeatures } from "../features/feature_writer";

const NAME_LENGTH = 8;
const PRESET = "demo";

/**
 * Embeds photos by a model, or returns the vectors that are kept; a killed process loses its unfinished shard.
 * @param model as `findModel` takes it; default: the backbone of the preset demo
 * @param folder of the photos; absolute
 */
export async function photoVectors(
  model: string | undefined,
  folder: string,
  files: Texts,
  options: ProgressOptions,
): Promise<Features> {
  const embedder = openModel(await findModel(model, preset(PRESET, "frozen"), options));
  try {
    const madeBy = { ...embedder.madeBy, views: "whole", folder };
    const key = createHash("sha256")
      .update(JSON.stringify([folder, embedder.madeBy]))
      .digest("hex");
    const name = `${basename(folder)}-${key.slice(0, NAME_LENGTH)}`;
    const plan = {
      rows: { files },
      madeBy,
      replace: true,
      rowsPerShard: PHOTOS_PER_SHARD,
      sources: embedder.sourcesOf(folder),
    };
    return await ensureKeptFeatures(cacheFolder(), ["inspected", name], plan, () =>
      embedder.embedShards(folder, { stage: "photos", total: files.length, ...options }),
    );
  } finally {
    embedder.dispose();
  }
}

/** A kill loses at most this many photos. */
const PHOTOS_PER_SHARD = 256;
