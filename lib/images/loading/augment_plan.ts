// Draws the training augmentation of an image from a random stream.
import type { RandomStream } from "../../common/random";
import type { AugmentationRow } from "../../config/augmentation";
import { drawCrop, type RandomCrop } from "./random_crop";

/** A change of an image, drawn from a row of the augmentation. */
export type AugmentStep =
  | { kind: "flip" }
  /** Pixel -> contrast x pixel + 255 brightness. */
  | { kind: "tone"; contrast: number; brightness: number }
  | WarpStep
  /** Black rectangle, in shares of width and height. */
  | { kind: "cutout"; left: number; top: number; width: number; height: number }
  /** Colour -> grey + saturation x (colour - grey); then `hue` turns of the colour circle. */
  | { kind: "colour"; saturation: number; hue: number }
  | { kind: "grey" }
  /** Gaussian of this standard deviation, px. */
  | { kind: "blur"; sigma: number };

/** Scales and rotates about the centre, then shifts. */
export interface WarpStep {
  kind: "warp";
  /** Factor on the size of the content: 1 for none. */
  scale: number;
  /** Counter-clockwise, as in OpenCV. */
  rotationDegrees: number;
  /** To the right and down, in shares of width and height. */
  shiftX: number;
  shiftY: number;
}

/** Augmentation of one image; it depends on the random stream alone, so that it can be shown and tested. */
export interface AugmentPlan {
  /** The part of the decoded picture that becomes the image (`cropOf`); undefined: all of it. */
  crop?: RandomCrop | undefined;
  /** Changes of the image at the model's size, in order. */
  steps: readonly AugmentStep[];
}

/** Plan that changes nothing. */
export const IDENTITY_PLAN: AugmentPlan = { steps: [] };

/**
 * Draws a plan: for each row whether it happens, then its numbers.
 * @param rows what `augmentationRows` returns
 * @param imageSizePx side of the square image, to draw cut-outs in whole pixels
 * @example
 * const plan = drawAugmentPlan(randomStream(999, "augment", row), augmentationRows("original"), 112);
 */
export function drawAugmentPlan(
  random: RandomStream,
  rows: readonly AugmentationRow[],
  imageSizePx: number,
): AugmentPlan {
  let plan: AugmentPlan = IDENTITY_PLAN;
  for (const row of rows) {
    if (random.uniform() >= row.probability) continue;
    if (row.name === "RandomResizedCrop") plan = { ...plan, crop: drawCrop(random, row) };
    else plan = { ...plan, steps: [...plan.steps, drawStep(random, row, imageSizePx)] };
  }
  return plan;
}

/** A row that changes an image at the model's size. */
type StepRow = Exclude<AugmentationRow, { name: "RandomResizedCrop" }>;

function drawStep(random: RandomStream, row: StepRow, sizePx: number): AugmentStep {
  const within = (limit: number) => limit * (2 * random.uniform() - 1);
  switch (row.name) {
    case "HorizontalFlip":
      return { kind: "flip" };
    case "RandomBrightnessContrast": {
      const contrast = 1 + within(row.contrastLimit);
      return { kind: "tone", contrast, brightness: within(row.brightnessLimit) };
    }
    case "ShiftScaleRotate": {
      const scale = 1 + within(row.scaleLimit);
      const rotationDegrees = within(row.rotateLimit);
      // without a shift nothing is drawn for it: the original's draws stay as they are
      const [shiftX, shiftY] = row.shiftLimit > 0 ? [within(row.shiftLimit), within(row.shiftLimit)] : [0, 0];
      return { kind: "warp", scale, rotationDegrees, shiftX, shiftY };
    }
    case "CoarseDropout":
      return { kind: "cutout", ...drawHole(random, row.holeRange, sizePx) };
    case "ColorJitter":
      return { kind: "colour", saturation: 1 + within(row.saturation), hue: within(row.hue) };
    case "ToGray":
      return { kind: "grey" };
    case "GaussianBlur": {
      const [low, high] = row.sigma;
      return { kind: "blur", sigma: low + (high - low) * random.uniform() };
    }
  }
}

/** Draws albumentations' CoarseDropout with one hole: sides and position are whole pixels, equally likely. */
function drawHole(random: RandomStream, sides: readonly [number, number], sizePx: number) {
  const [low, high] = sides.map((share) => Math.floor(share * sizePx)) as [number, number];
  const [width, height] = [random.integer(low, high), random.integer(low, high)];
  const [left, top] = [random.integer(0, sizePx - width), random.integer(0, sizePx - height)];
  return { width: width / sizePx, height: height / sizePx, left: left / sizePx, top: top / sizePx };
}
