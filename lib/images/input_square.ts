// Resizes an image for preprocessing or for a model, with vector instructions. The resulting pixels lie in the kernels'
// memory and are valid until the next call.
import type { ResizeMode } from "../config/model";
import { resizeArea } from "./pixels/area_resize";
import { centreSquare, padToSquare } from "./pixels/crop";
import { LinearResizer } from "./pixels/linear_resize";
import type { RgbImage } from "./pixels/rgb_image";
import { resizePlan } from "./resize";

// an image passes through both, so each needs its own memory
const toRule = new LinearResizer();
const toSquare = new LinearResizer();

/** Makes a square of an image at its own resolution: its middle, or the image on black; `squash` leaves it as it is. */
const SQUARED: Record<ResizeMode, (image: RgbImage) => RgbImage> = {
  squash: (image) => image,
  crop: centreSquare,
  pad: padToSquare,
};

/** Applies the resize rule to an image, or to the square that `mode` makes of it; returns a small image itself. */
export function resizeByRule(given: RgbImage, mode: ResizeMode, imageSizePx?: number): RgbImage {
  const image = SQUARED[mode](given);
  const { method, width, height } = resizePlan(image.width, image.height, imageSizePx);
  return method === "area" ? resizeArea(image, width, height) : toRule.resize(image, width, height);
}

/** Makes a model's input: applies the resize rule if preprocessing has not, then squashes to a square (bilinear). */
export function inputSquare(image: RgbImage, sidePx: number, mode: ResizeMode): RgbImage {
  return toSquare.resize(resizeByRule(image, mode), sidePx, sidePx);
}
