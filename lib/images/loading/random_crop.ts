// A part of a picture that becomes the image, as torchvision's and albumentations' RandomResizedCrop draw it.
import type { RandomStream } from "../../common/random";
import type { AugmentationRow } from "../../config/augmentation";
import { cropRectangle, type Rectangle } from "../pixels/crop";
import type { RgbImage } from "../pixels/rgb_image";

/** The row of a random crop. */
type CropRow = Extract<AugmentationRow, { name: "RandomResizedCrop" }>;

/** A part that was drawn before the picture's size was known; it may not fit. */
export interface CropTry {
  /** Area, as a share of the picture's. */
  area: number;
  /** Width / height. */
  ratio: number;
  /** Place among all places that fit, 0 to below 1. */
  x: number;
  y: number;
}

/** A random crop, before the picture's size is known. */
export interface RandomCrop {
  tries: readonly CropTry[];
  /** Smallest and largest width / height of the part that is taken if no try fits. */
  ratios: readonly [number, number];
}

/** Number of tries before the largest centred part is taken, as in torchvision. */
const TRIES = 10;

/** Draws a crop: the area uniformly, the ratio uniformly in its logarithm. */
export function drawCrop(random: RandomStream, { scale, ratio }: CropRow): RandomCrop {
  const between = (low: number, high: number) => low + (high - low) * random.uniform();
  const tries = Array.from({ length: TRIES }, () => ({
    area: between(...scale),
    ratio: Math.exp(between(Math.log(ratio[0]), Math.log(ratio[1]))),
    x: random.uniform(),
    y: random.uniform(),
  }));
  return { tries, ratios: ratio };
}

/**
 * Returns the part of a picture that the first try that fits gives; if none fits, the largest centred part whose ratio
 * is within `ratios`.
 */
export function cropPlace(
  { width, height }: Pick<RgbImage, "width" | "height">,
  { tries, ratios: [low, high] }: RandomCrop,
): Rectangle {
  for (const { area, ratio, x, y } of tries) {
    const pixels = area * width * height;
    const [w, h] = [Math.round(Math.sqrt(pixels * ratio)), Math.round(Math.sqrt(pixels / ratio))];
    if (w < 1 || h < 1 || w > width || h > height) continue;
    return {
      left: Math.floor(x * (width - w + 1)),
      top: Math.floor(y * (height - h + 1)),
      width: w,
      height: h,
    };
  }
  const ratio = Math.min(Math.max(width / height, low), high);
  const w = Math.min(width, Math.max(1, Math.round(height * ratio)));
  const h = Math.min(height, Math.max(1, Math.round(width / ratio)));
  return { left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h };
}

/** Cuts a part out of a picture (`cropPlace`). */
export function cropOf(picture: RgbImage, crop: RandomCrop): RgbImage {
  return cropRectangle(picture, cropPlace(picture, crop));
}
