// An image of any size on its way to a JPEG of preprocessing or to a model, by vector instructions: the pixels that come
// out lie in the kernels' memory, until the next call.
import { resizeArea } from "./pixels/area_resize";
import { LinearResizer } from "./pixels/linear_resize";
import type { RgbImage } from "./pixels/rgb_image";
import { resizePlan } from "./resize";

/** Of the two steps; an image goes through both. */
const toRule = new LinearResizer();
const toSquare = new LinearResizer();

/** Brings an image under the resize rule; a small one is returned itself. */
export function resizeByRule(image: RgbImage, imageSizePx?: number): RgbImage {
  const { method, width, height } = resizePlan(image.width, image.height, imageSizePx);
  return method === "area" ? resizeArea(image, width, height) : toRule.resize(image, width, height);
}

/** What a model sees of an image: the rule of preprocessing, where it was not done yet, then a square (bilinear). */
export function squashToSquare(image: RgbImage, sidePx: number): RgbImage {
  return toSquare.resize(resizeByRule(image), sidePx, sidePx);
}
