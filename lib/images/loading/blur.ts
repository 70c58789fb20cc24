// Gaussian blur. Shapes: H height, W width.
import type { RgbImage } from "../pixels/rgb_image";

/** The kernel reaches this many standard deviations, rounded up; beyond it lie 0.3 % of a Gaussian. */
const REACH = 3;

/**
 * Blurs by a Gaussian in both directions, with the image mirrored at its edges, as torchvision's and OpenCV's
 * GaussianBlur do. uint8 [H, W, 3] in and out.
 * @param sigma standard deviation, px
 */
export function blur(image: RgbImage, sigma: number): RgbImage {
  const { width, height, data } = image;
  const kernel = gaussian(sigma);
  const reach = (kernel.length - 1) / 2;
  const rowLength = 3 * width;
  const columns = Array.from({ length: width + 2 * reach }, (_, i) => mirrored(i - reach, width));
  const wide = new Float32Array(3 * columns.length);
  const across = new Float32Array(data.length);
  for (let start = 0; start < data.length; start += rowLength) {
    for (const [i, column] of columns.entries())
      for (let channel = 0; channel < 3; channel++)
        wide[3 * i + channel] = data[start + 3 * column + channel]!;
    const row = across.subarray(start, start + rowLength);
    for (const [k, weight] of kernel.entries()) addTimes(row, wide, 3 * k, weight);
  }
  const result = new Uint8Array(data.length);
  const sum = new Float32Array(rowLength);
  for (let y = 0; y < height; y++) {
    sum.fill(0);
    for (const [k, weight] of kernel.entries())
      addTimes(sum, across, rowLength * mirrored(y + k - reach, height), weight);
    for (let i = 0; i < rowLength; i++) result[y * rowLength + i] = sum[i]! + 0.5;
  }
  return { ...image, data: result };
}

/** Adds `weight` times as many values of `from`, from `start` on, to `to`. */
function addTimes(to: Float32Array, from: Float32Array, start: number, weight: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += weight * from[start + i]!;
}

function gaussian(sigma: number): number[] {
  const reach = Math.ceil(REACH * sigma);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - reach) / sigma) ** 2),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Mirrors a place outside of 0 to `length - 1`, without repeating the edge: OpenCV's BORDER_REFLECT_101. */
function mirrored(place: number, length: number): number {
  const period = Math.max(1, 2 * (length - 1));
  const within = ((place % period) + period) % period;
  return Math.min(within, period - within);
}
