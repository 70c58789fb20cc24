// The original's resize rule, and OpenCV's two interpolations as plain loops. Shapes: H height, W width.
import type { RgbImage } from "./decode";

/** The original's longest side of an image that is kept as it is. */
export const MAX_SIDE_PX = 224;

/** 100 megapixels are 300 MB of RGB: more than any photo of the data sets, less than what ends a process. */
export const MAX_PIXELS = 100_000_000;

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

/** Follows a plan. uint8 [H, W, 3] in and out; a kept image is returned itself. */
export function resizeRgb(image: RgbImage, plan: ResizePlan): RgbImage {
  if (plan.method === "keep") return image;
  const tapsOf = plan.method === "area" ? areaTaps : linearTaps;
  // OpenCV halves with (a + b + c + d + 2) >> 2, that is, it rounds ties up there and to even elsewhere.
  const isHalving =
    plan.method === "area" && image.width === 2 * plan.width && image.height === 2 * plan.height;
  return resample(
    image,
    tapsOf(image.width, plan.width),
    tapsOf(image.height, plan.height),
    isHalving ? 1 / 8 : 0,
  );
}

/** Squashes to `width` x `height` by OpenCV's INTER_LINEAR (no antialiasing), enlarging as well as shrinking. */
export function resizeBilinear(image: RgbImage, width: number, height: number): RgbImage {
  return resizeRgb(image, { method: "linear", width, height });
}

/** What a model sees of an image of any size: the rule of preprocessing, where it was not done yet, then a square (bilinear). */
export function squashToSquare(image: RgbImage, sidePx: number): RgbImage {
  return resizeBilinear(resizeRgb(image, resizePlan(image.width, image.height)), sidePx, sidePx);
}

/** For each target position, the source positions `first .. first + count - 1` and their weights (sum 1). */
export interface Taps {
  first: Int32Array;
  count: Int32Array;
  /** [target, most taps] */
  weights: Float32Array;
  mostTaps: number;
}

function emptyTaps(target: number, mostTaps: number): Taps {
  const weights = new Float32Array(target * mostTaps);
  return { first: new Int32Array(target), count: new Int32Array(target), weights, mostTaps };
}

/** INTER_AREA when shrinking: every source pixel counts by the share of it that the target pixel covers. */
export function areaTaps(source: number, target: number): Taps {
  const scale = source / target;
  const taps = emptyTaps(target, Math.ceil(scale) + 1);
  for (let i = 0; i < target; i++) {
    const start = i * scale;
    const end = Math.min(start + scale, source);
    const first = Math.floor(start + TOUCH);
    const last = Math.min(Math.ceil(end - TOUCH), source) - 1;
    taps.first[i] = first;
    taps.count[i] = last - first + 1;
    for (let s = first; s <= last; s++) {
      const covered = Math.min(s + 1, end) - Math.max(s, start);
      taps.weights[i * taps.mostTaps + s - first] = covered / (end - start);
    }
  }
  return taps;
}

/** A source pixel covered by less than this counts as not covered, as in OpenCV. */
const TOUCH = 1e-3;

/** INTER_LINEAR: the two nearest source pixels (pixel centres at .5), edges repeated, no antialiasing. */
function linearTaps(source: number, target: number): Taps {
  const scale = source / target;
  const taps = emptyTaps(target, 2);
  for (let i = 0; i < target; i++) {
    const position = Math.min(Math.max((i + 0.5) * scale - 0.5, 0), source - 1);
    const first = Math.min(Math.floor(position), Math.max(source - 2, 0));
    taps.first[i] = first;
    taps.count[i] = Math.min(2, source);
    taps.weights[2 * i] = 1 - (position - first);
    taps.weights[2 * i + 1] = position - first;
  }
  return taps;
}

/** Separable resampling: a row is reduced horizontally when it is first needed, then summed vertically. */
function resample(image: RgbImage, across: Taps, down: Taps, tieBias: number): RgbImage {
  const width = across.first.length;
  const height = down.first.length;
  const data = new Uint8ClampedArray(width * height * 3); // its stores round to nearest, ties to even
  const row = new Float32Array(width * 3);
  const sum = new Float32Array(width * 3);
  let reducedRow = -1;
  for (let y = 0; y < height; y++) {
    sum.fill(tieBias);
    for (let tap = 0; tap < down.count[y]!; tap++) {
      const sourceRow = down.first[y]! + tap;
      if (sourceRow !== reducedRow) reduceRow(image, sourceRow, across, row);
      reducedRow = sourceRow;
      const weight = down.weights[y * down.mostTaps + tap]!;
      for (let i = 0; i < sum.length; i++) sum[i]! += weight * row[i]!;
    }
    data.set(sum, y * sum.length);
  }
  return { data: new Uint8Array(data.buffer), width, height };
}

function reduceRow(
  image: RgbImage,
  sourceRow: number,
  { first, count, weights, mostTaps }: Taps,
  row: Float32Array,
) {
  const { data, width } = image;
  for (let x = 0; x < first.length; x++) {
    let from = (sourceRow * width + first[x]!) * 3;
    let r = 0;
    let g = 0;
    let b = 0;
    const end = x * mostTaps + count[x]!;
    for (let tap = x * mostTaps; tap < end; tap++, from += 3) {
      const weight = weights[tap]!;
      r += weight * data[from]!;
      g += weight * data[from + 1]!;
      b += weight * data[from + 2]!;
    }
    row[3 * x] = r;
    row[3 * x + 1] = g;
    row[3 * x + 2] = b;
  }
}
