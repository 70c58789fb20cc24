// Image files -> pixels of a model's input size, in memory. Shapes: B images, S side of the square input in px.
import { resolve } from "node:path";
import { mapConcurrently } from "../../common/concurrent";
import { projectPath } from "../../common/project";
import { unusableFile } from "../decode";
import type { RgbImage } from "../pixels/rgb_image";
import { augmentInto } from "./augment";
import { IDENTITY_PLAN } from "./augment_plan";
import { prepareImage } from "./image_threads";
import { type Normalisation, normalisedTable } from "./value_table";
import { wholeImage } from "./views";

/**
 * Images as the training sees them before augmentation, as `prepareImage` makes them.
 * @param files below `dataDir`, or absolute
 * @param imageSizePx S
 * @param numWorkers threads
 * @throws UserError naming a file that cannot be used
 * @example
 * const [image] = await loadImages("data/demo", ["images/a.jpg"], 112, 4);
 */
export async function loadImages(
  dataDir: string,
  files: readonly string[],
  imageSizePx: number,
  numWorkers: number,
): Promise<RgbImage[]> {
  const folder = projectPath(dataDir);
  return mapConcurrently(files, files.length, async (file) => {
    const path = resolve(folder, file);
    const result = new Uint8Array(new SharedArrayBuffer(3 * imageSizePx ** 2));
    const job = { path, imageSizePx, parts: [wholeImage()], normalisation: undefined, result };
    const reason = await prepareImage(job, imageSizePx, numWorkers);
    if (reason !== undefined) throw unusableFile(path, reason);
    return { data: result.slice(), width: imageSizePx, height: imageSizePx };
  });
}

/** Images of one size -> (x/255 - mean)/std, float32 [B, S, S, 3]. */
export function normaliseImages(images: readonly RgbImage[], normalisation: Normalisation): Float32Array {
  const valuesPerImage = images[0]?.data.length ?? 0;
  const result = new Float32Array(images.length * valuesPerImage);
  const table = normalisedTable(normalisation);
  for (const [i, image] of images.entries())
    augmentInto(image, IDENTITY_PLAN, table, result, i * valuesPerImage);
  return result;
}
