// Image files -> pixels of a model's input size. Shapes: B images, S side of the square input in px.
import { mapConcurrently } from "../common/concurrent";
import { projectPath } from "../common/project";
import { augmentInto } from "./augment";
import { IDENTITY_PLAN } from "./augment_plan";
import { decodeRgb, namingFile, type RgbImage, readImageFile } from "./decode";
import { decodeJpegToSize } from "./jpeg_decoder";
import { resizeBilinear, resizePlan, resizeRgb } from "./resize";
import { type Normalisation, normalisedTable } from "./value_table";

/**
 * One image as the training sees it before augmentation: decoded, brought under the 224 px rule if preprocessing
 * has not done so already, then squashed to `imageSizePx` x `imageSizePx` (bilinear, as the original). JPEGs go
 * through the engine, all else through sharp.
 */
export async function loadPixels(path: string, imageSizePx: number): Promise<RgbImage> {
  return namingFile(path, async () => {
    const file = await readImageFile(path);
    const jpeg = await decodeJpegToSize(file, imageSizePx);
    if (jpeg) return jpeg;
    const decoded = await decodeRgb(file);
    const bounded = resizeRgb(decoded, resizePlan(decoded.width, decoded.height));
    return resizeBilinear(bounded, imageSizePx, imageSizePx);
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

/** Loads images below `dataDir` at one size, several at once. */
export async function loadImages(
  dataDir: string,
  files: readonly string[],
  imageSizePx: number,
  numWorkers: number,
): Promise<RgbImage[]> {
  return mapConcurrently(files, numWorkers, (file) => loadPixels(projectPath(dataDir, file), imageSizePx));
}
