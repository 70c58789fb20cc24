// Shapes: B images, S side of the square input in px.

import { mapConcurrently } from "../common/concurrent";
import { projectPath } from "../common/project";
import { decodeRgb, type RgbImage } from "./decode";
import { resizeBilinear, resizePlan, resizeRgb } from "./resize";

/** Channel statistics of a tower's input, for pixels in 0..1. */
export interface Normalisation {
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
}

/**
 * One image as the training sees it before augmentation: decoded, brought under the 224 px rule if preprocessing
 * has not done so already, then squashed to `imageSizePx` x `imageSizePx` (bilinear, as the original).
 */
export async function loadPixels(path: string, imageSizePx: number): Promise<RgbImage> {
  const decoded = await decodeRgb(path);
  const bounded = await resizeRgb(decoded, resizePlan(decoded.width, decoded.height));
  return resizeBilinear(bounded, imageSizePx, imageSizePx);
}

/** Images of one size -> (x/255 - mean)/std, float32 [B, S, S, 3]. */
export function normaliseImages(images: readonly RgbImage[], { mean, std }: Normalisation): Float32Array {
  const tables = mean.map((channelMean, channel) =>
    Float32Array.from({ length: 256 }, (_, value) => (value / 255 - channelMean) / std[channel]!),
  );
  const pixelsPerImage = images[0] ? images[0].data.length : 0;
  const result = new Float32Array(images.length * pixelsPerImage);
  for (const [index, { data }] of images.entries()) {
    const offset = index * pixelsPerImage;
    for (let i = 0; i < data.length; i += 3) {
      result[offset + i] = tables[0]![data[i]!]!;
      result[offset + i + 1] = tables[1]![data[i + 1]!]!;
      result[offset + i + 2] = tables[2]![data[i + 2]!]!;
    }
  }
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
