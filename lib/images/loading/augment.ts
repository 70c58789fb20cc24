// Applies the original's training augmentation: pure functions of (pixels, plan). Shapes: H height, W width.

import type { RgbImage } from "../pixels/rgb_image";
import type { AugmentPlan } from "./augment_plan";
import {
  BLUES,
  composeTables,
  fillBlack,
  GREENS,
  plainTable,
  type Values,
  type ValueTable,
} from "./value_table";
import { warp } from "./warp";

/**
 * Applies a plan to uint8 [H, W, 3] and returns a copy of the same size.
 * @example
 * augment(image, drawAugmentPlan(randomStream(999), 112))
 */
export function augment(image: RgbImage, plan: AugmentPlan): RgbImage {
  const data = new Uint8Array(image.data.length);
  augmentInto(image, plan, plainTable(), data, 0);
  return { ...image, data };
}

/**
 * Applies a plan in the recipe's order: flip, tone, scale and rotation (with a black border, whatever the tone),
 * cut-out. Most plans take a single pass from `image` to `result`.
 * @param table maps a pixel's value to the value that is written
 * @param result [H, W, 3], written from `offset` on
 */
export function augmentInto<V extends Values>(
  image: RgbImage,
  plan: AugmentPlan,
  table: ValueTable<V>,
  result: V,
  offset: number,
): void {
  const isToned = plan.contrast !== 1 || plan.brightness !== 0;
  const isWarped = plan.scale !== 1 || plan.rotationDegrees !== 0;
  if (isWarped) {
    warp(isToned ? applyTone(image, plan) : image, plan, table, result, offset);
  } else {
    copyPixels(image, plan.flip, isToned ? composeTables(toneTable(plan), table) : table, result, offset);
  }
  if (plan.cutout) blacken(image, plan.cutout, table, result, offset);
}

/** Computes albumentations' RandomBrightnessContrast: contrast x pixel + 255 brightness, clipped and truncated. */
function toneTable({ contrast, brightness }: AugmentPlan): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, value) =>
    Math.floor(Math.min(255, Math.max(0, contrast * value + 255 * brightness))),
  );
}

function applyTone(image: RgbImage, plan: AugmentPlan): RgbImage {
  const table = toneTable(plan);
  const { data: from } = image;
  const data = new Uint8Array(from.length);
  for (let i = 0; i < from.length; i++) data[i] = table[from[i]!]!;
  return { ...image, data };
}

/** Copies pixels, mirrored if `flip` is set. */
function copyPixels<V extends Values>(
  { data, width }: RgbImage,
  flip: boolean,
  table: ValueTable<V>,
  result: V,
  offset: number,
): void {
  const rowBytes = 3 * width;
  const step = flip ? -3 : 3;
  for (let row = 0; row < data.length; row += rowBytes) {
    let from = flip ? row + rowBytes - 3 : row;
    for (let to = offset + row, end = to + rowBytes; to < end; to += 3, from += step) {
      result[to] = table[data[from]!]!;
      result[to + 1] = table[GREENS + data[from + 1]!]!;
      result[to + 2] = table[BLUES + data[from + 2]!]!;
    }
  }
}

function blacken<V extends Values>(
  { width, height }: RgbImage,
  hole: NonNullable<AugmentPlan["cutout"]>,
  table: ValueTable<V>,
  result: V,
  offset: number,
): void {
  const left = Math.round(hole.left * width);
  const right = Math.min(width, left + Math.round(hole.width * width));
  const top = Math.round(hole.top * height);
  const bottom = Math.min(height, top + Math.round(hole.height * height));
  for (let y = top; y < bottom; y++) {
    const row = offset + 3 * y * width;
    fillBlack(table, result, row + 3 * left, row + 3 * right);
  }
}
