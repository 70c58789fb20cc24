// What of an image is embedded: all of it, its mirror image, parts of it. Their features are averaged.

import { keysOf } from "../../common/records";
import type { RgbImage } from "../pixels/rgb_image";
import { type AugmentPlan, IDENTITY_PLAN } from "./augment_plan";

/**
 * `whole`: the image squashed to the model's square; `mirror`: and its mirror image, as the original's author
 * evaluated; `crops`: four corners and the centre of the image at 8/7 of that size, 256 px for 224; `mirrored_crops`:
 * and their mirror images.
 */
export type Views = "whole" | "mirror" | "crops" | "mirrored_crops";

const KINDS: Record<Views, { crops: boolean; mirrored: boolean }> = {
  whole: { crops: false, mirrored: false },
  mirror: { crops: false, mirrored: true },
  crops: { crops: true, mirrored: false },
  mirrored_crops: { crops: true, mirrored: true },
};

/** The names of all. */
export const VIEWS = keysOf(KINDS);

/** Side of the image that is cut into crops, as a share of a crop's. */
const CROPPED_SCALE = 8 / 7;

/** A square of an image, and what is done to it. */
export interface ImagePart {
  /** In px of the image. */
  left: number;
  top: number;
  plan: AugmentPlan;
}

/** The whole image, changed by a plan. */
export function wholeImage(plan = IDENTITY_PLAN): ImagePart {
  return { left: 0, top: 0, plan };
}

/** How an image becomes its views, each `imageSizePx` x `imageSizePx`. */
export interface ViewPlan {
  /** Side of the square that the image is squashed to before. */
  decodedSizePx: number;
  parts: readonly ImagePart[];
}

/** The plan of some views; a mirror image follows its original. */
export function planViews(views: Views, imageSizePx: number): ViewPlan {
  const { crops, mirrored } = KINDS[views];
  const decodedSizePx = crops ? Math.round(imageSizePx * CROPPED_SCALE) : imageSizePx;
  const parts = crops ? fiveCrops(decodedSizePx - imageSizePx) : [wholeImage()];
  const withMirror = (part: ImagePart) => [part, { ...part, plan: { ...IDENTITY_PLAN, flip: true } }];
  return { decodedSizePx, parts: mirrored ? parts.flatMap(withMirror) : parts };
}

/** Corners from the top left, then the centre. PyTorch: torchvision's `FiveCrop`. @param far the last corner's place */
function fiveCrops(far: number): ImagePart[] {
  const places = [
    [0, 0],
    [far, 0],
    [0, far],
    [far, far],
    [Math.round(far / 2), Math.round(far / 2)],
  ] as const;
  return places.map(([left, top]) => ({ left, top, plan: IDENTITY_PLAN }));
}

/** A square of an image, uint8 [S, S, 3]; the image itself where it is no larger. */
export function cropSquare(image: RgbImage, left: number, top: number, sizePx: number): RgbImage {
  const { data, width, height } = image;
  if (width === sizePx && height === sizePx) return image;
  const part = new Uint8Array(3 * sizePx * sizePx);
  for (let row = 0; row < sizePx; row++) {
    const start = 3 * ((top + row) * width + left);
    part.set(data.subarray(start, start + 3 * sizePx), 3 * row * sizePx);
  }
  return { data: part, width: sizePx, height: sizePx };
}
