// Draws the original's training augmentation of an image from a random stream.
import type { RandomStream } from "../../common/random";

/** Probability of each part of the recipe. */
const PROBABILITY = 0.5;

/** Largest changes of the recipe. */
export const AUGMENT_LIMITS = {
  /** In both directions, like the next three. */
  brightness: 0.1,
  contrast: 0.1,
  scale: 0.2,
  rotationDegrees: 10,
  /** Smallest and largest side of the cut-out, as a share of the image's side; both are truncated to whole pixels. */
  cutoutSide: [0.1, 0.2],
} as const;

/** Augmentation of one image; it depends on the random stream alone, so that it can be shown and tested. */
export interface AugmentPlan {
  flip: boolean;
  /** Pixel -> contrast x pixel + 255 brightness. */
  contrast: number;
  brightness: number;
  /** Factor on the size of the content: 1 for none. */
  scale: number;
  /** Counter-clockwise, as in OpenCV. */
  rotationDegrees: number;
  /** Black rectangle, in shares of width and height; null for none. */
  cutout: { left: number; top: number; width: number; height: number } | null;
}

/** Plan that changes nothing. */
export const IDENTITY_PLAN: AugmentPlan = {
  flip: false,
  contrast: 1,
  brightness: 0,
  scale: 1,
  rotationDegrees: 0,
  cutout: null,
};

/**
 * Draws a plan: horizontal flip; brightness and contrast; scale and rotation; one cut-out.
 * @param imageSizePx side of the square image, to draw the cut-out in whole pixels
 * @example
 * const plan = drawAugmentPlan(randomStream(999, "augment", row), 112);
 */
export function drawAugmentPlan(random: RandomStream, imageSizePx: number): AugmentPlan {
  const happens = () => random.uniform() < PROBABILITY;
  const within = (limit: number) => limit * (2 * random.uniform() - 1);
  const plan = { ...IDENTITY_PLAN, flip: happens() };
  if (happens()) {
    plan.contrast = 1 + within(AUGMENT_LIMITS.contrast);
    plan.brightness = within(AUGMENT_LIMITS.brightness);
  }
  if (happens()) {
    plan.scale = 1 + within(AUGMENT_LIMITS.scale);
    plan.rotationDegrees = within(AUGMENT_LIMITS.rotationDegrees);
  }
  if (happens()) plan.cutout = drawCutout(random, imageSizePx);
  return plan;
}

/** Draws albumentations' CoarseDropout with one hole: sides and position are whole pixels, equally likely. */
function drawCutout(random: RandomStream, sizePx: number): NonNullable<AugmentPlan["cutout"]> {
  const [low, high] = AUGMENT_LIMITS.cutoutSide.map((share) => Math.floor(share * sizePx)) as [
    number,
    number,
  ];
  const [width, height] = [random.integer(low, high), random.integer(low, high)];
  const [left, top] = [random.integer(0, sizePx - width), random.integer(0, sizePx - height)];
  return { width: width / sizePx, height: height / sizePx, left: left / sizePx, top: top / sizePx };
}
