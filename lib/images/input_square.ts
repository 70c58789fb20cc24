// Resizes an image for preprocessing or for a model, with vector instructions. The resulting pixels lie in the kernels'
// memory and are valid until the next call.
import { resizeArea } from "./pixels/area_resize";
import { LinearResizer } from "./pixels/linear_resize";
import type { RgbImage } from "./pixels/rgb_image";
import { resizePlan } from "./resize";

// an image passes through both, so each needs its own memory
const toRule = new LinearResizer();
const toSquare = new LinearResizer();

/** Applies the resize rule to an image; returns a small image itself. */
export function resizeByRule(image: RgbImage, imageSizePx?: number): RgbImage {
  const { method, width, height } = resizePlan(image.width, image.height, imageSizePx);
  return method === "area" ? resizeArea(image, width, height) : toRule.resize(image, width, height);
}

/** Makes a model's input: applies the resize rule if preprocessing has not, then squashes to a square (bilinear). */
export function squashToSquare(image: RgbImage, sidePx: number): RgbImage {
  return toSquare.resize(resizeByRule(image), sidePx, sidePx);
}
