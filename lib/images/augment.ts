// The original's training augmentation as pure functions of (pixels, random stream). Shapes: H height, W width.
import type { RandomStream } from "../common/random";
import type { RgbImage } from "./decode";

/** The recipe's numbers; each part happens with probability .5. */
const PROBABILITY = 0.5;
export const AUGMENT_LIMITS = {
  /** Both ways from none. */
  brightness: 0.1,
  contrast: 0.1,
  scale: 0.2,
  rotationDegrees: 10,
  /** Smallest and largest side of the cut-out, as a share of the image's. */
  cutoutSide: [0.1, 0.2],
} as const;

/** What will be done to one image; drawn from the random stream alone, so that it can be shown and tested. */
export interface AugmentPlan {
  flip: boolean;
  /** Pixel -> contrast x pixel + 255 brightness. */
  contrast: number;
  brightness: number;
  /** Size of the content after the transform: 1 = as it was. */
  scale: number;
  /** Counter-clockwise, as in OpenCV. */
  rotationDegrees: number;
  /** A black rectangle, in shares of width and height; null for none. */
  cutout: { left: number; top: number; width: number; height: number } | null;
}

/** Nothing is changed. */
export const IDENTITY_PLAN: AugmentPlan = {
  flip: false,
  contrast: 1,
  brightness: 0,
  scale: 1,
  rotationDegrees: 0,
  cutout: null,
};

/** Draws a plan: horizontal flip; brightness and contrast; scale and rotation; one cut-out. */
export function drawAugmentPlan(random: RandomStream): AugmentPlan {
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
  if (happens()) plan.cutout = drawCutout(random);
  return plan;
}

function drawCutout(random: RandomStream): NonNullable<AugmentPlan["cutout"]> {
  const [low, high] = AUGMENT_LIMITS.cutoutSide;
  const width = low + (high - low) * random.uniform();
  const height = low + (high - low) * random.uniform();
  return { width, height, left: (1 - width) * random.uniform(), top: (1 - height) * random.uniform() };
}

/**
 * Applies a plan in the recipe's order: flip, tone, scale and rotation (whose border is black, whatever the tone),
 * cut-out. uint8 [H, W, 3] in; a copy of the same size out.
 */
export function augment(image: RgbImage, plan: AugmentPlan): RgbImage {
  const toned = { ...image, data: new Uint8Array(image.data) };
  if (plan.contrast !== 1 || plan.brightness !== 0) changeTone(toned.data, plan.contrast, plan.brightness);
  const isTurned = plan.scale !== 1 || plan.rotationDegrees !== 0;
  const data = isTurned ? warp(toned, plan) : plan.flip ? mirror(toned) : toned.data;
  if (plan.cutout) blacken(data, image.width, image.height, plan.cutout);
  return { ...image, data };
}

/** What `warp` gives for a flip alone, in a quarter of the time. */
function mirror({ data, width }: RgbImage): Uint8Array {
  const result = new Uint8Array(data.length);
  const rowBytes = 3 * width;
  for (let row = 0; row < data.length; row += rowBytes) {
    for (let to = row, from = row + rowBytes - 3; to < row + rowBytes; to += 3, from -= 3) {
      result[to] = data[from]!;
      result[to + 1] = data[from + 1]!;
      result[to + 2] = data[from + 2]!;
    }
  }
  return result;
}

/** Places are counted in 1/65,536 px, weights in 1/256: whole numbers are what makes this loop fast. */
const PLACE_BITS = 16;
const WEIGHT_BITS = 8;
const WEIGHT_ONE = 1 << WEIGHT_BITS;
const SUM_BITS = 2 * WEIGHT_BITS;
const HALF = 1 << (SUM_BITS - 1);

/** Flip, scale and rotation about the centre in one bilinear pass; what comes from outside is black. */
function warp(image: RgbImage, { flip, scale, rotationDegrees }: AugmentPlan): Uint8Array {
  const { width, height } = image;
  const result = new Uint8Array(image.data.length);
  const angle = (rotationDegrees * Math.PI) / 180;
  const cos = Math.cos(angle) / scale;
  const sin = Math.sin(angle) / scale;
  const mirror = flip ? -1 : 1;
  const [centreX, centreY] = [(width - 1) / 2, (height - 1) / 2];
  const place = (px: number) => Math.round(px * (1 << PLACE_BITS));
  // from the place in the result back to the place in the image; half a weight is added so that weights are rounded
  const halfWeight = 1 << (PLACE_BITS - WEIGHT_BITS - 1);
  for (let y = 0; y < height; y++) {
    const fromX = mirror * (-cos * centreX - sin * (y - centreY)) + centreX;
    const fromY = -sin * centreX + cos * (y - centreY) + centreY;
    const start = { x: place(fromX) + halfWeight, y: place(fromY) + halfWeight };
    warpRow(image, start, { x: place(mirror * cos), y: place(sin) }, result, 3 * y * width);
  }
  return result;
}

/** One row of the result: a walk through the image from `start` by `step`, in places. Writes `result` from `to` on. */
function warpRow(
  image: RgbImage,
  start: { x: number; y: number },
  step: { x: number; y: number },
  result: Uint8Array,
  to: number,
): void {
  const { data, width, height } = image;
  const rowBytes = 3 * width;
  let { x, y } = start;
  for (const end = to + rowBytes; to < end; to += 3, x += step.x, y += step.y) {
    const left = x >> PLACE_BITS;
    const top = y >> PLACE_BITS;
    const right = (x >> (PLACE_BITS - WEIGHT_BITS)) & (WEIGHT_ONE - 1);
    const below = (y >> (PLACE_BITS - WEIGHT_BITS)) & (WEIGHT_ONE - 1);
    if (left < 0 || top < 0 || left + 1 >= width || top + 1 >= height) {
      edgePixel(image, left, top, right, below, result, to);
      continue;
    }
    const bottomRight = right * below;
    const bottomLeft = (below << WEIGHT_BITS) - bottomRight;
    const topRight = (right << WEIGHT_BITS) - bottomRight;
    const topLeft = (1 << SUM_BITS) - bottomRight - bottomLeft - topRight;
    const a = top * rowBytes + 3 * left;
    const b = a + rowBytes;
    result[to] = // one line a channel: a loop over three takes twice the time
      (topLeft * data[a]! +
        topRight * data[a + 3]! +
        bottomLeft * data[b]! +
        bottomRight * data[b + 3]! +
        HALF) >>
      SUM_BITS;
    result[to + 1] =
      (topLeft * data[a + 1]! +
        topRight * data[a + 4]! +
        bottomLeft * data[b + 1]! +
        bottomRight * data[b + 4]! +
        HALF) >>
      SUM_BITS;
    result[to + 2] =
      (topLeft * data[a + 2]! +
        topRight * data[a + 5]! +
        bottomLeft * data[b + 2]! +
        bottomRight * data[b + 5]! +
        HALF) >>
      SUM_BITS;
  }
}

/** A pixel of which some or all of the four neighbours lie outside, where all is black. */
function edgePixel(
  { data, width, height }: RgbImage,
  left: number,
  top: number,
  right: number,
  below: number,
  result: Uint8Array,
  to: number,
): void {
  for (let channel = 0; channel < 3; channel++) {
    let sum = HALF;
    for (let corner = 0; corner < 4; corner++) {
      const column = left + (corner & 1);
      const row = top + (corner >> 1);
      if (column < 0 || row < 0 || column >= width || row >= height) continue;
      const weight = (corner & 1 ? right : WEIGHT_ONE - right) * (corner >> 1 ? below : WEIGHT_ONE - below);
      sum += weight * data[3 * (row * width + column) + channel]!;
    }
    result[to + channel] = sum >> SUM_BITS;
  }
}

/** albumentations' RandomBrightnessContrast: contrast x pixel + 255 brightness, clipped, cut off to whole numbers. In place. */
function changeTone(data: Uint8Array, contrast: number, brightness: number): void {
  const table = Uint8Array.from({ length: 256 }, (_, value) =>
    Math.floor(Math.min(255, Math.max(0, contrast * value + 255 * brightness))),
  );
  for (let i = 0; i < data.length; i++) data[i] = table[data[i]!]!;
}

function blacken(
  data: Uint8Array,
  width: number,
  height: number,
  hole: NonNullable<AugmentPlan["cutout"]>,
): void {
  const left = Math.round(hole.left * width);
  const right = Math.min(width, left + Math.round(hole.width * width));
  const top = Math.round(hole.top * height);
  const bottom = Math.min(height, top + Math.round(hole.height * height));
  for (let y = top; y < bottom; y++) data.fill(0, 3 * (y * width + left), 3 * (y * width + right));
}
