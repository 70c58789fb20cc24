// How the engine brings a JPEG to a model's input size: for the main thread and the others.

import { MAX_PIXELS, resizePlan } from "../resize";
import type { ResizeMethod } from "./graph";
import { isPlainJpeg, readJpegHeader } from "./header";

/** Under the resize rule, then to the input's size. */
export interface JpegPlan {
  method: ResizeMethod;
  squash: "keep" | "linear";
}

/** All there are. */
export const JPEG_PLANS: readonly JpegPlan[] = (["keep", "area", "halve", "linear"] as const).flatMap(
  (method) => (["keep", "linear"] as const).map((squash) => ({ method, squash })),
);

/** A name for a plan, unlike all others'. */
export function planName({ method, squash }: JpegPlan): string {
  return `${method}_${squash}`;
}

/**
 * What a JPEG needs, by its header.
 * @param file its bytes
 * @returns undefined for what sharp has to decode or refuse: no JPEG, CMYK, turned by EXIF, too many pixels
 */
export function jpegPlan(file: Uint8Array, imageSizePx: number): JpegPlan | undefined {
  const header = readJpegHeader(file);
  if (!header || !isPlainJpeg(header) || header.width * header.height > MAX_PIXELS) return undefined;
  const { width, height } = header;
  const plan = resizePlan(width, height);
  const isHalved = plan.method === "area" && width === 2 * plan.width && height === 2 * plan.height;
  const hasSize = plan.width === imageSizePx && plan.height === imageSizePx;
  return { method: isHalved ? "halve" : plan.method, squash: hasSize ? "keep" : "linear" };
}
