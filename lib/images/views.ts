// What of an image is embedded: all of it, its mirror image, parts of it. Their features are averaged.
import { augment } from "./augment";
import { IDENTITY_PLAN } from "./augment_plan";
import type { RgbImage } from "./decode";
import { loadPixels } from "./loader";

/**
 * `whole`: the image squashed to the model's square; `mirror`: and its mirror image, as the original's author
 * evaluated; `crops`: four corners and the centre of the image at 8/7 of that size, 256 px for 224; `mirrored_crops`:
 * and their mirror images.
 */
export type Views = "whole" | "mirror" | "crops" | "mirrored_crops";

const PARTS: Record<Views, { crops: boolean; mirrored: boolean }> = {
  whole: { crops: false, mirrored: false },
  mirror: { crops: false, mirrored: true },
  crops: { crops: true, mirrored: false },
  mirrored_crops: { crops: true, mirrored: true },
};

/** The names of all. */
export const VIEWS = Object.keys(PARTS) as Views[];

/** Side of the image that is cut into crops, as a share of a crop's. */
const CROPPED_SCALE = 8 / 7;

/** Images that one image becomes. */
export function viewCount(views: Views): number {
  const { crops, mirrored } = PARTS[views];
  return (crops ? 5 : 1) * (mirrored ? 2 : 1);
}

/** The views of an image file, each `imageSizePx` x `imageSizePx`. @throws UserError as `loadPixels` */
export async function loadViews(path: string, imageSizePx: number, views: Views): Promise<RgbImage[]> {
  const { crops, mirrored } = PARTS[views];
  const parts = crops
    ? fiveCrops(await loadPixels(path, Math.round(imageSizePx * CROPPED_SCALE)), imageSizePx)
    : [await loadPixels(path, imageSizePx)];
  return mirrored ? parts.flatMap((part) => [part, augment(part, { ...IDENTITY_PLAN, flip: true })]) : parts;
}

/** Corners from the top left, then the centre. PyTorch: torchvision's `FiveCrop`. */
function fiveCrops(image: RgbImage, side: number): RgbImage[] {
  const far = image.width - side;
  const places = [
    [0, 0],
    [far, 0],
    [0, far],
    [far, far],
    [Math.round(far / 2), Math.round(far / 2)],
  ] as const;
  return places.map(([left, top]) => crop(image, left, top, side));
}

/** A square part of an image. */
function crop({ data, width }: RgbImage, left: number, top: number, side: number): RgbImage {
  const part = new Uint8Array(3 * side * side);
  for (let row = 0; row < side; row++) {
    const start = 3 * ((top + row) * width + left);
    part.set(data.subarray(start, start + 3 * side), 3 * row * side);
  }
  return { data: part, width: side, height: side };
}
