// OpenCV's INTER_AREA in plain loops. Shapes: H height, W width.
import type { RgbImage } from "./rgb_image";

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

/** Computes the weights of INTER_AREA for shrinking: the share of each source pixel that the target pixel covers. */
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

/** Share of a source pixel below which it counts as not covered, as in OpenCV. */
const TOUCH = 1e-3;

/** Resizes by OpenCV's INTER_AREA, uint8 [H, W, 3] in and out. */
export function resizeAreaPlain(image: RgbImage, width: number, height: number): RgbImage {
  // OpenCV halves by (a + b + c + d + 2) >> 2, which rounds ties up; elsewhere it rounds them to even.
  const isHalving = image.width === 2 * width && image.height === 2 * height;
  return resample(image, areaTaps(image.width, width), areaTaps(image.height, height), isHalving ? 1 / 8 : 0);
}

/** Resamples separably: reduces a row horizontally when it is first needed, then sums vertically. */
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
