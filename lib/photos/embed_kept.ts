// Embeds images and keeps their vectors for the next time. Shapes: N images, E numbers each.
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { cacheFolder } from "../common/files/kept_folder";
import type { ProgressOptions } from "../common/progress";
import type { Embedder } from "../embedding/embedder";
import { ensureKeptFeatures } from "../features/feature_writer";
import { Images } from "./images";
import type { Embedded } from "./model";

/** Returns the vectors of the images that can be read; kept ones are not computed again. */
export async function embedKept(
  embedder: Embedder,
  images: Images,
  options: ProgressOptions,
): Promise<Embedded & { images: Images }> {
  const { folder, files } = images;
  const madeBy = { ...embedder.madeBy, views: "whole", folder };
  const key = createHash("sha256").update(JSON.stringify([folder, embedder.madeBy])).digest("hex").slice(0, 8);
  const plan = { rows: { files }, madeBy, dtype: "float32" as const, replace: true, sources: embedder.sourcesOf(folder) };
  const features = await ensureKeptFeatures(cacheFolder(), ["photos", `${basename(folder)}-${key}`], plan, () =>
    embedder.embedShards(folder, { stage: "images", total: files.length, ...options }),
  );
  const rows = await features.readRows();
  const read = new Set(rows.files);
  const kept = files.flatMap((file, row) => (read.has(file) ? [row] : []));
  return { ...features.readAll(), images: kept.length === files.length ? images : images.pick(kept) };
}
