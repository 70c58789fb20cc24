// The original's resize rule, and resizing by it. Shapes: H height, W width.
import { resizeAreaPlain } from "./pixels/area_plain";
import { LinearResizer } from "./pixels/linear_resize";
import type { RgbImage } from "./pixels/rgb_image";

/** Longest side of an image that the original's rule leaves unchanged. */
export const MAX_SIDE_PX = 224;

/** Plan for an image: keep it, or squash it to `width` x `height` by one of OpenCV's interpolations. */
export interface ResizePlan {
  method: "keep" | "area" | "linear";
  width: number;
  height: number;
}

/**
 * Returns the plan by the rule of the original's preprocessing: squash by INTER_AREA if both sides exceed the target,
 * by INTER_LINEAR if only the longer side does, otherwise keep the size. It never crops, nor keeps the aspect ratio.
 */
export function resizePlan(width: number, height: number, imageSizePx = MAX_SIDE_PX): ResizePlan {
  if (Math.max(width, height) <= imageSizePx) return { method: "keep", width, height };
  const method = Math.min(width, height) > imageSizePx ? "area" : "linear";
  return { method, width: imageSizePx, height: imageSizePx };
}

let linear: LinearResizer | undefined;

/** Resizes by a plan, uint8 [H, W, 3] in and out; returns a kept image itself. */
export function resizeRgb(image: RgbImage, { method, width, height }: ResizePlan): RgbImage {
  if (method === "keep") return image;
  if (method === "linear") {
    linear ??= new LinearResizer();
    return { data: linear.resize(image, width, height).data.slice(), width, height };
  }
  return resizeAreaPlain(image, width, height);
}
