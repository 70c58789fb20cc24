// OpenCV's INTER_LINEAR to the bit, with vector instructions. It computes with integers: weights of 11 bits, sums along
// rows cut to 15 bits, and each weighted row cut to 10 bits before both are added and rounded.
// Shapes: W source, w target width.

import { blendRows, reduceRow, VALUES_PER_BLEND } from "./linear_kernels";
import type { RgbImage } from "./rgb_image";
import { FLOAT, MemoryLayout, VECTOR } from "./vector_kernel";

/** For each target position, its two source positions and their weights, which sum to 2,048, or one off by rounding. */
export interface LinearTaps {
  first: Int32Array;
  second: Int32Array;
  firstWeight: Int32Array;
  secondWeight: Int32Array;
}

/** Integer weight that means 1: weights have 11 bits. */
export const WEIGHT_ONE = 2048;

/**
 * Computes OpenCV's positions and weights, with its float32 roundings.
 * @param isClamped whether the edge pixel gets all of the weight if a position lies outside, as along rows; down the
 * columns both positions are the edge row and keep their weights
 */
export function linearTaps(source: number, target: number, isClamped: boolean): LinearTaps {
  const [first, second, firstWeight, secondWeight] = Array.from({ length: 4 }, () => new Int32Array(target));
  const scale = 1 / (target / source);
  for (let i = 0; i < target; i++) {
    const position = Math.fround((i + 0.5) * scale - 0.5);
    const place = Math.floor(position);
    const isOutside = place < 0 || place >= source - 1;
    const share = isClamped && isOutside ? 0 : Math.fround(position - place);
    first![i] = Math.min(Math.max(place, 0), source - 1);
    second![i] = Math.min(Math.max(place + 1, 0), source - 1);
    firstWeight![i] = roundToEven(WEIGHT_ONE * Math.fround(1 - share));
    secondWeight![i] = roundToEven(WEIGHT_ONE * share);
  }
  return { first: first!, second: second!, firstWeight: firstWeight!, secondWeight: secondWeight! };
}

function roundToEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded;
}

/** Taps and memory layout for images of one size. */
interface Prepared {
  key: string;
  down: LinearTaps;
  layout: ReturnType<typeof layOut>;
}

/** OpenCV's INTER_LINEAR with its own memory: to resize an image twice, use two resizers. */
export class LinearResizer {
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  readonly #reduceRow = reduceRow(this.#memory);
  readonly #blendRows = blendRows(this.#memory);
  #prepared: Prepared | undefined;

  /**
   * Squashes an image to `width` x `height`; returns an image of that size itself.
   * @returns pixels in the resizer's memory, valid until the next call
   */
  resize(image: RgbImage, width: number, height: number): RgbImage {
    if (image.width === width && image.height === height) return image;
    const { down, layout } = this.#prepare(image, width, height);
    const bytes = new Uint8Array(this.#memory.buffer);
    const rowBytes = 3 * image.width;
    const slots = layout.rows;
    /** Number of the source row that each slot holds, reduced; -1 for none. */
    const rowsInSlots = [-1, -1];
    /** Returns the address of a reduced row. @param other row whose slot must stay */
    const reducedRow = (row: number, other: number): number => {
      const found = rowsInSlots.indexOf(row);
      if (found >= 0) return slots[found]!;
      const free = rowsInSlots[0] === other ? 1 : 0;
      rowsInSlots[free] = row;
      bytes.set(image.data.subarray(row * rowBytes, (row + 1) * rowBytes), layout.source);
      const target = slots[free]!;
      this.#reduceRow(layout.source, layout.starts, layout.weights, target, target + 3 * FLOAT * width);
      return target;
    };
    for (let y = 0; y < height; y++) {
      const [first, second] = [down.first[y]!, down.second[y]!];
      const top = reducedRow(first, second);
      const bottom = reducedRow(second, first);
      const [from, to] = [y, y + 1].map((row) => layout.target + row * 3 * width) as [number, number];
      this.#blendRows(top, bottom, down.firstWeight[y]!, down.secondWeight[y]!, from, to);
    }
    return { data: bytes.subarray(layout.target, layout.target + 3 * width * height), width, height };
  }

  #prepare({ width: W, height: H }: RgbImage, width: number, height: number): Prepared {
    const key = `${W}x${H} ${width}x${height}`;
    if (this.#prepared?.key === key) return this.#prepared;
    const across = linearTaps(W, width, true);
    const layout = layOut(this.#memory, W, width, height);
    const { buffer } = this.#memory;
    const starts = pairs(across.first, across.second).map((x) => 3 * x);
    new Int32Array(buffer, layout.starts, 2 * width).set(starts);
    new Int16Array(buffer, layout.weights, 2 * width).set(pairs(across.firstWeight, across.secondWeight));
    this.#prepared = { key, down: linearTaps(H, height, false), layout };
    return this.#prepared;
  }
}

/** Interleaves two arrays. */
function pairs(a: Int32Array, b: Int32Array): Int32Array {
  return Int32Array.from({ length: 2 * a.length }, (_, i) => (i % 2 === 0 ? a : b)[i >> 1]!);
}

/** Lays out the memory. Kernels read and write slightly beyond the ends. */
function layOut(memory: WebAssembly.Memory, W: number, width: number, height: number) {
  const layout = new MemoryLayout();
  const row = () => layout.take(3 * width * FLOAT + VALUES_PER_BLEND * FLOAT);
  const places = {
    /** int32 [w, 2]: bytes from the row's start */
    starts: layout.take(2 * width * FLOAT),
    /** int16 [w, 2] */
    weights: layout.take(width * FLOAT),
    /** uint8 [W, 3] */
    source: layout.take(3 * W + VECTOR),
    /** int32 [w, 3] each: two reduced rows */
    rows: [row(), row()],
    /** uint8 [h, w, 3] */
    target: layout.take(3 * width * height + VALUES_PER_BLEND),
  };
  layout.grow(memory);
  return places;
}
