// Shapes: B images, S side of the square input in px.

import { mapConcurrently } from "../common/concurrent";
import { projectPath } from "../common/project";
import { decodeRgb, namingFile, type RgbImage, readImageFile } from "./decode";
import { decodeJpegToSize } from "./jpeg_decoder";
import { resizeBilinear, resizePlan, resizeRgb } from "./resize";

/** Channel statistics of a tower's input, for pixels in 0..1. */
export interface Normalisation {
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
}

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
  const pixelsPerImage = images[0] ? images[0].data.length : 0;
  const result = new Float32Array(images.length * pixelsPerImage);
  const normalise = normaliser(normalisation);
  for (const [index, { data }] of images.entries()) normalise(data, result, index * pixelsPerImage);
  return result;
}

/** Writes the normalised values of uint8 pixels to `result`, from `offset` on. */
export type Normalise = (pixels: Uint8Array, result: Float32Array, offset: number) => void;

/** A function that normalises pixels by a table of 256 values a channel. */
export function normaliser({ mean, std }: Normalisation): Normalise {
  const [reds, greens, blues] = [0, 1, 2].map((channel) =>
    Float32Array.from({ length: 256 }, (_, value) => (value / 255 - mean[channel]!) / std[channel]!),
  ) as [Float32Array, Float32Array, Float32Array];
  return (pixels, result, offset) => {
    for (let i = 0; i < pixels.length; i += 3, offset += 3) {
      result[offset] = reds[pixels[i]!]!;
      result[offset + 1] = greens[pixels[i + 1]!]!;
      result[offset + 2] = blues[pixels[i + 2]!]!;
    }
  };
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
