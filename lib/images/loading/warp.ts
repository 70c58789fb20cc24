// Flips, scales and rotates an image about its centre and shifts it, in one bilinear pass. Shapes: H height, W width.

import type { RgbImage } from "../pixels/rgb_image";
import type { WarpStep } from "./augment_plan";
import { BLUES, fillBlack, GREENS, type Values, type ValueTable } from "./value_table";

/** Positions are in 1/65,536 px, weights in 1/256: integers make these loops fast. */
const PLACE_BITS = 16;
const PLACE_ONE = 1 << PLACE_BITS;
const WEIGHT_BITS = 8;
const WEIGHT_ONE = 1 << WEIGHT_BITS;
const WEIGHT_SHIFT = PLACE_BITS - WEIGHT_BITS;
const SUM_BITS = 2 * WEIGHT_BITS;
const HALF = 1 << (SUM_BITS - 1);

/** Positions in the image along a row of the result, in 1/65,536 px. */
interface Walk {
  x: number;
  y: number;
  stepX: number;
  stepY: number;
}

/**
 * Flips, scales, rotates and shifts an image; pixels from outside of the image are black.
 * @param image uint8 [H, W, 3]
 * @param table maps a channel's value to the value that is written
 * @param result [H, W, 3], written from `offset` on
 */
export function warp<V extends Values>(
  image: RgbImage,
  { flip, scale, rotationDegrees, shiftX, shiftY }: Omit<WarpStep, "kind"> & { flip: boolean },
  table: ValueTable<V>,
  result: V,
  offset: number,
): void {
  const { width, height } = image;
  const angle = (rotationDegrees * Math.PI) / 180;
  const cos = Math.cos(angle) / scale;
  const sin = Math.sin(angle) / scale;
  const mirror = flip ? -1 : 1;
  const [centreX, centreY] = [(width - 1) / 2, (height - 1) / 2];
  const fromLeft = -centreX - shiftX * width;
  const place = (px: number) => toInt32(Math.round(px * PLACE_ONE));
  // from the position in the result back to that in the image; half a weight is added so that weights are rounded
  const halfWeight = 1 << (WEIGHT_SHIFT - 1);
  for (let row = 0; row < height; row++) {
    const fromTop = row - centreY - shiftY * height;
    const fromX = mirror * (cos * fromLeft - sin * fromTop) + centreX;
    const fromY = sin * fromLeft + cos * fromTop + centreY;
    const start = { x: place(fromX) + halfWeight, y: place(fromY) + halfWeight };
    const walk = { ...start, stepX: place(mirror * cos), stepY: place(sin) };
    warpRow(image, walk, table, result, offset + 3 * row * width);
  }
}

/** Writes a row of the result: black, the image's edge, its inside (without any test), its edge, black. */
function warpRow<V extends Values>(
  image: RgbImage,
  walk: Walk,
  table: ValueTable<V>,
  result: V,
  to: number,
): void {
  const { width, height } = image;
  const [start, end] = stepsWithin(walk, -1, width, height, width);
  const [insideStart, insideEnd] = stepsWithin(walk, 0, width - 1, height - 1, width);
  fillBlack(table, result, to, to + 3 * start);
  if (insideStart >= insideEnd) {
    warpEdge(image, walk, start, end, table, result, to);
  } else {
    warpEdge(image, walk, start, insideStart, table, result, to);
    warpInside(image, walk, insideStart, insideEnd, table, result, to);
    warpEdge(image, walk, insideEnd, end, table, result, to);
  }
  fillBlack(table, result, to + 3 * end, to + 3 * width);
}

/** Returns the range of steps, within 0 to `steps`, with `low` <= x < `right` and `low` <= y < `bottom`, in px. */
function stepsWithin(
  walk: Walk,
  low: number,
  right: number,
  bottom: number,
  steps: number,
): [number, number] {
  const [startX, endX] = stepsBetween(walk.x, walk.stepX, low * PLACE_ONE, right * PLACE_ONE, steps);
  const [startY, endY] = stepsBetween(walk.y, walk.stepY, low * PLACE_ONE, bottom * PLACE_ONE, steps);
  const start = Math.max(startX, startY);
  return [start, Math.max(start, Math.min(endX, endY))];
}

/** Returns the range of steps, within 0 to `steps`, with `low` <= at + step x `by` < `high`. */
function stepsBetween(at: number, by: number, low: number, high: number, steps: number): [number, number] {
  if (by === 0) return at >= low && at < high ? [0, steps] : [0, 0];
  const first = by > 0 ? Math.ceil((low - at) / by) : Math.floor((high - at) / by) + 1;
  const last = by > 0 ? Math.ceil((high - at) / by) : Math.floor((low - at) / by) + 1;
  const start = toInt32(Math.min(steps, Math.max(0, first)));
  return [start, toInt32(Math.max(start, Math.min(steps, last)))];
}

/** Returns the number as a 32-bit integer, never -0. */
function toInt32(number: number): number {
  return number | 0;
}

/** Writes pixels with all four neighbours inside the image. */
function warpInside<V extends Values>(
  { data, width }: RgbImage,
  walk: Walk,
  start: number,
  end: number,
  table: ValueTable<V>,
  result: V,
  row: number,
): void {
  const { stepX, stepY } = walk;
  const rowBytes = 3 * width;
  let x = walk.x + start * stepX;
  let y = walk.y + start * stepY;
  for (let to = row + 3 * start, last = row + 3 * end; to < last; to += 3, x += stepX, y += stepY) {
    const right = (x >> WEIGHT_SHIFT) & (WEIGHT_ONE - 1);
    const below = (y >> WEIGHT_SHIFT) & (WEIGHT_ONE - 1);
    const a = (y >> PLACE_BITS) * rowBytes + 3 * (x >> PLACE_BITS);
    const b = a + rowBytes;
    // one block per channel: a loop over three takes twice the time
    let top = mix(data[a]!, data[a + 3]!, right);
    let bottom = mix(data[b]!, data[b + 3]!, right);
    result[to] = table[(mix(top, bottom, below) + HALF) >> SUM_BITS]!;
    top = mix(data[a + 1]!, data[a + 4]!, right);
    bottom = mix(data[b + 1]!, data[b + 4]!, right);
    result[to + 1] = table[GREENS + ((mix(top, bottom, below) + HALF) >> SUM_BITS)]!;
    top = mix(data[a + 2]!, data[a + 5]!, right);
    bottom = mix(data[b + 2]!, data[b + 5]!, right);
    result[to + 2] = table[BLUES + ((mix(top, bottom, below) + HALF) >> SUM_BITS)]!;
  }
}

/** Returns WEIGHT_ONE x the mean of both values, where the second has this weight. */
function mix(first: number, second: number, weight: number): number {
  return (first << WEIGHT_BITS) + weight * (second - first);
}

/** Writes pixels with some of the four neighbours outside the image, where all is black. */
function warpEdge<V extends Values>(
  { data, width, height }: RgbImage,
  walk: Walk,
  start: number,
  end: number,
  table: ValueTable<V>,
  result: V,
  row: number,
): void {
  for (let step = start; step < end; step++) {
    const x = walk.x + step * walk.stepX;
    const y = walk.y + step * walk.stepY;
    const right = (x >> WEIGHT_SHIFT) & (WEIGHT_ONE - 1);
    const below = (y >> WEIGHT_SHIFT) & (WEIGHT_ONE - 1);
    const left = x >> PLACE_BITS;
    const top = y >> PLACE_BITS;
    for (let channel = 0; channel < 3; channel++) {
      let sum = HALF;
      for (let corner = 0; corner < 4; corner++) {
        const column = left + (corner & 1);
        const line = top + (corner >> 1);
        if (column < 0 || line < 0 || column >= width || line >= height) continue;
        const weight = (corner & 1 ? right : WEIGHT_ONE - right) * (corner >> 1 ? below : WEIGHT_ONE - below);
        sum += weight * data[3 * (line * width + column) + channel]!;
      }
      result[row + 3 * step + channel] = table[256 * channel + (sum >> SUM_BITS)]!;
    }
  }
}
