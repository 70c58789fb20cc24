// Loads images at a model's input size into memory. Shapes: B images, V views of each, S side of the square input in px.
import { resolve } from "node:path";
import { mapConcurrently } from "../../common/parallel/concurrent";
import { projectPath } from "../../common/project";
import type { ResizeMode } from "../../config/model";
import { unusableFile } from "../decode";
import type { RgbImage } from "../pixels/rgb_image";
import { type AugmentPlan, IDENTITY_PLAN } from "./augment_plan";
import { prepareImage } from "./image_threads";
import { type Normalisation, normalisedTable } from "./value_table";
import { planViews, type ViewPlan, wholeImage, writeParts } from "./views";

/** Options of loading images. */
export interface LoadOptions {
  /** How an image becomes a square. Default: `squash`. */
  resizeMode?: ResizeMode | undefined;
  /** The augmentation of each image; default: none. */
  plans?: readonly AugmentPlan[] | undefined;
}

/**
 * Loads images as training sees them: each augmented by its plan, or unchanged without plans.
 * @param files paths below `dataDir`, or absolute
 * @param imageSizePx side S
 * @param numWorkers number of threads
 * @throws UserError naming a file that cannot be used
 * @example
 * const [image] = await loadImages("data/demo", ["images/a.jpg"], 112, 4);
 */
export async function loadImages(
  dataDir: string,
  files: readonly string[],
  imageSizePx: number,
  numWorkers: number,
  { resizeMode = "squash", plans }: LoadOptions = {},
): Promise<RgbImage[]> {
  const folder = projectPath(dataDir);
  return mapConcurrently(files, files.length, async (file, i) => {
    const path = resolve(folder, file);
    const result = new Uint8Array(new SharedArrayBuffer(3 * imageSizePx ** 2));
    const { crop, steps } = plans?.[i] ?? IDENTITY_PLAN;
    const pixels = { path, imageSizePx, resizeMode, crop, parts: [wholeImage(steps)] };
    const job = { ...pixels, normalisation: undefined, result };
    const reason = await prepareImage(job, imageSizePx, numWorkers);
    if (reason !== undefined) throw unusableFile(path, reason);
    return { data: result.slice(), width: imageSizePx, height: imageSizePx };
  });
}

/**
 * Computes (x/255 - mean)/std of the views of images: float32 [B, V, S, S, 3].
 * @param images squares of the plan's `decodedSizePx`
 * @param plan default: the images as they are
 */
export function normaliseImages(
  images: readonly RgbImage[],
  normalisation: Normalisation,
  plan: ViewPlan = planViews("whole", images[0]?.width ?? 0),
): Float32Array {
  const valuesPerImage = 3 * plan.imageSizePx ** 2 * plan.parts.length;
  const result = new Float32Array(images.length * valuesPerImage);
  const table = normalisedTable(normalisation);
  for (const [i, image] of images.entries()) writeParts(image, plan, table, result, i * valuesPerImage);
  return result;
}
