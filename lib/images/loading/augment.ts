// Applies the training augmentation: pure functions of (pixels, steps). Shapes: H height, W width.

import type { RgbImage } from "../pixels/rgb_image";
import type { AugmentStep, WarpStep } from "./augment_plan";
import { blur } from "./blur";
import { grey, jitterColour } from "./colour";
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

type Tone = Extract<AugmentStep, { kind: "tone" }>;
/** A step that can write the result itself, which spares a pass over the pixels. */
type LastStep = Tone | WarpStep;
type Cutout = Extract<AugmentStep, { kind: "cutout" }>;

/**
 * Applies steps to uint8 [H, W, 3] and returns a copy of the same size.
 * @example
 * const { steps } = drawAugmentPlan(randomStream(999), augmentationRows("original"), 112);
 * augment(image, steps);
 */
export function augment(image: RgbImage, steps: readonly AugmentStep[]): RgbImage {
  const data = new Uint8Array(image.data.length);
  augmentInto(image, steps, plainTable(), data, 0);
  return { ...image, data };
}

/**
 * Applies steps in their order to uint8 [H, W, 3]. The original's recipe takes at most two passes.
 * @param table maps a pixel's value to the value that is written
 * @param result [H, W, 3], written from `offset` on
 */
export function augmentInto<V extends Values>(
  image: RgbImage,
  steps: readonly AugmentStep[],
  table: ValueTable<V>,
  result: V,
  offset: number,
): void {
  const beforeHoles = steps.findLastIndex(({ kind }) => kind !== "cutout") + 1;
  const last = steps[beforeHoles - 1];
  const writer = last && isLastStep(last) ? last : undefined;
  const { image: changed, flip } = applySteps(image, steps.slice(0, beforeHoles - (writer ? 1 : 0)));
  if (writer?.kind === "warp") warp(changed, { ...writer, flip }, table, result, offset);
  else copyPixels(changed, flip, writer ? composeTables(toneTable(writer), table) : table, result, offset);
  for (const hole of steps.slice(beforeHoles)) blacken(image, hole as Cutout, table, result, offset);
}

function isLastStep(step: AugmentStep): step is LastStep {
  return step.kind === "tone" || step.kind === "warp";
}

/** Applies steps in memory; a flip is left to the pass that follows, because the steps between do not depend on it. */
function applySteps(given: RgbImage, steps: readonly AugmentStep[]): { image: RgbImage; flip: boolean } {
  let [image, flip] = [given, false];
  for (const step of steps) {
    if (step.kind === "flip") flip = !flip;
    else if (step.kind === "tone") image = applyTone(image, step);
    else if (step.kind === "colour") image = jitterColour(image, step);
    else if (step.kind === "grey") image = grey(image);
    else if (step.kind === "blur") image = blur(image, step.sigma);
    else {
      const data = new Uint8Array(image.data.length);
      const table = plainTable();
      if (step.kind === "warp") warp(image, { ...step, flip }, table, data, 0);
      else {
        copyPixels(image, flip, table, data, 0);
        blacken(image, step, table, data, 0);
      }
      image = { ...image, data };
      flip = false;
    }
  }
  return { image, flip };
}

/** Computes albumentations' RandomBrightnessContrast: contrast x pixel + 255 brightness, clipped and truncated. */
function toneTable({ contrast, brightness }: Tone): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, value) =>
    Math.floor(Math.min(255, Math.max(0, contrast * value + 255 * brightness))),
  );
}

function applyTone(image: RgbImage, tone: Tone): RgbImage {
  const table = toneTable(tone);
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
  hole: Cutout,
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
