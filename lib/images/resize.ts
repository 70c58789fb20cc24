// The original's resize rule, and what follows it. Shapes: H height, W width.
import { resizeAreaPlain } from "./pixels/area_plain";
import { LinearResizer } from "./pixels/linear_resize";
import type { RgbImage } from "./pixels/rgb_image";

/** The original's longest side of an image that is kept as it is. */
export const MAX_SIDE_PX = 224;

/** What to do with an image: keep it, or squash it to `width` x `height` by one of OpenCV's interpolations. */
export interface ResizePlan {
  method: "keep" | "area" | "linear";
  width: number;
  height: number;
}

/**
 * The rule of the original's preprocessing: both sides over the target: squash by INTER_AREA; only the longer
 * one: squash by INTER_LINEAR; neither: keep the size. Nothing is cropped; the aspect ratio is not kept.
 */
export function resizePlan(width: number, height: number, imageSizePx = MAX_SIDE_PX): ResizePlan {
  if (Math.max(width, height) <= imageSizePx) return { method: "keep", width, height };
  const method = Math.min(width, height) > imageSizePx ? "area" : "linear";
  return { method, width: imageSizePx, height: imageSizePx };
}

let linear: LinearResizer | undefined;

/** Follows a plan. uint8 [H, W, 3] in and out; a kept image is returned itself. */
export function resizeRgb(image: RgbImage, { method, width, height }: ResizePlan): RgbImage {
  if (method === "keep") return image;
  if (method === "linear") {
    linear ??= new LinearResizer();
    return { data: linear.resize(image, width, height).data.slice(), width, height };
  }
  return resizeAreaPlain(image, width, height);
}
