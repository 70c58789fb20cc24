// OpenCV's INTER_AREA with vector instructions: half the time of TensorFlow's ResizeArea on large images.
// Shapes: H, W source, h, w target. Rows are summed first, since they are contiguous in memory: uint8 [H, W, 3] ->
// float32 [W, 3] for each of the h rows -> uint8 [w, 3].
import { MOST_ROWS, squeezeRow, sumRows } from "./area_kernels";
import { areaTaps, resizeAreaPlain, type Taps } from "./area_plain";
import type { RgbImage } from "./rgb_image";
import { FLOAT, type Kernel, MemoryLayout, VECTOR } from "./vector_kernel";

const memory = new WebAssembly.Memory({ initial: 1 });
const callSumRows = sumRows(memory);
const callsOfSqueezeRow = new Map<number, Kernel>();

/** Taps, memory layout and kernel for images of one size. */
interface Prepared {
  key: string;
  down: Taps;
  layout: ReturnType<typeof layOut>;
  callSqueezeRow: Kernel;
}

let prepared: Prepared | undefined;

/**
 * Squashes an image to `width` x `height`, both smaller than the image's, by OpenCV's INTER_AREA. The pixels equal
 * those of `resizeAreaPlain`, except for sums within float32's rounding error of a half.
 * @returns pixels in this module's memory, valid until the next call
 */
export function resizeArea(image: RgbImage, width: number, height: number): RgbImage {
  const { down, layout, callSqueezeRow } = prepare(image, width, height);
  if (down.mostTaps > MOST_ROWS) return resizeAreaPlain(image, width, height);
  const rowBytes = 3 * image.width;
  const bytes = new Uint8Array(memory.buffer);
  for (let y = 0; y < height; y++) {
    const [first, count] = [down.first[y]!, down.count[y]!];
    bytes.set(image.data.subarray(first * rowBytes, (first + count) * rowBytes), layout.strip);
    const lastRow = layout.strip + (count - 1) * rowBytes;
    callSumRows(layout.strip, rowBytes, lastRow, layout.downWeights + y * 3 * FLOAT, layout.row);
    const [from, to] = [y, y + 1].map((row) => layout.target + row * 3 * width) as [number, number];
    callSqueezeRow(layout.row, layout.starts, layout.acrossWeights, layout.scale, from, to);
  }
  return { data: bytes.subarray(layout.target, layout.target + 3 * width * height), width, height };
}

function prepare({ width: W, height: H }: RgbImage, width: number, height: number): Prepared {
  const key = `${W}x${H} ${width}x${height}`;
  if (prepared?.key === key) return prepared;
  // If the ratios are whole, OpenCV sums whole numbers and divides once; it halves in bytes, rounding ties up.
  const isWhole = W % width === 0 && H % height === 0;
  const isHalving = W === 2 * width && H === 2 * height;
  const tapsOf = isWhole ? ones : areaTaps;
  const [across, down] = [tapsOf(W, width), tapsOf(H, height)];
  const layout = layOut(W, height, across, down);
  const { buffer } = memory;
  new Uint8Array(buffer, layout.row, layout.target - layout.row).fill(0); // 0 times NaN would be NaN
  new Float32Array(buffer, layout.downWeights, 3 * height).set(threeWeights(down));
  new Int32Array(buffer, layout.starts, width).set(across.first.map((first) => 3 * FLOAT * first));
  new Float32Array(buffer, layout.acrossWeights, across.weights.length).set(across.weights);
  const scale = isWhole ? (width * height) / (W * H) : 1;
  new Float32Array(buffer, layout.scale, 2).set([scale, isHalving ? 1 / 8 : 0]);
  let callSqueezeRow = callsOfSqueezeRow.get(across.mostTaps);
  callSqueezeRow ??= squeezeRow(memory, across.mostTaps);
  callsOfSqueezeRow.set(across.mostTaps, callSqueezeRow);
  prepared = { key, down, layout, callSqueezeRow };
  return prepared;
}

/** Returns taps of weight 1, for whole ratios. */
function ones(source: number, target: number): Taps {
  const mostTaps = source / target;
  return {
    first: Int32Array.from({ length: target }, (_, i) => i * mostTaps),
    count: new Int32Array(target).fill(mostTaps),
    weights: new Float32Array(target * mostTaps).fill(1),
    mostTaps,
  };
}

/**
 * Lays out the memory, which is as large as the largest image so far needs. Both kernels read and write slightly beyond
 * the ends.
 */
function layOut(W: number, height: number, across: Taps, down: Taps) {
  const width = across.first.length;
  const layout = new MemoryLayout();
  const take = (bytes: number) => layout.take(bytes);
  const places = {
    /** float32 [2]: factor and summand before rounding */
    scale: take(2 * FLOAT),
    downWeights: take(3 * height * FLOAT),
    starts: take(width * FLOAT),
    acrossWeights: take(across.weights.byteLength),
    row: take((W + across.mostTaps) * 3 * FLOAT + 4 * VECTOR),
    target: take(3 * width * height + VECTOR),
    strip: take(down.mostTaps * 3 * W + VECTOR),
  };
  layout.grow(memory);
  return places;
}

/** Returns the weights of each target row's first, middle and last source rows: float32 [h, 3]. */
function threeWeights({ count, weights, mostTaps }: Taps): Float32Array {
  return Float32Array.from({ length: 3 * count.length }, (_, i) => {
    const y = Math.floor(i / 3);
    return weights[y * mostTaps + [0, 1, count[y]! - 1][i % 3]!]!;
  });
}
