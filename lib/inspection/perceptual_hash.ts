// Describes the look of a picture in 64 bits and a mean colour.
import { decodeRgb } from "../images/decode";
import { resizeRgb } from "../images/resize";

/** Side of the small grey picture that is hashed, and of its corner of lowest frequencies. */
const SIDE = 32;
const CORNER = 8;
/** Coefficients this near the median count as equal: in a picture of one colour only rounding errors differ. */
const ROUNDING = 1e-6;

/** Rows of the discrete cosine transform (type II, as scipy.fft.dct), frequencies 0 .. 7: [8][32]. */
const COSINES = Array.from({ length: CORNER }, (_, k) =>
  Float64Array.from({ length: SIDE }, (_, n) => 2 * Math.cos((Math.PI * k * (2 * n + 1)) / (2 * SIDE))),
);

/** The look of an image, which copies of a photo share. */
export interface Look {
  /** 64 bits that describe its shapes, from brightness only. */
  hash: bigint;
  /** Means of the chroma channels Cb and Cr, 0 .. 255, 128 for grey: separate a red book from a green one. */
  blueness: number;
  redness: number;
}

/**
 * Computes the perceptual hash of an image file ("pHash", as Python's imagehash.phash): the signs of its 8 x 8 lowest
 * frequencies about their median. Re-encoded or resized copies differ in few bits, different pictures in about 32.
 * Adds the mean colour, which the hash ignores.
 * @param file the file's bytes
 * @throws ImageError if it cannot be decoded
 */
export async function lookOfImage(file: Uint8Array): Promise<Look> {
  const { data } = resizeRgb(await decodeRgb(file), { method: "area", width: SIDE, height: SIDE });
  const grey = new Float64Array(SIDE * SIDE);
  let [blue, red] = [0, 0];
  for (let pixel = 0; pixel < grey.length; pixel++) {
    const [r, g, b] = data.subarray(3 * pixel, 3 * pixel + 3) as unknown as [number, number, number];
    const y = 0.299 * r + 0.587 * g + 0.114 * b; // ITU-R BT.601, as JPEG, Pillow and OpenCV
    grey[pixel] = y;
    blue += 0.564 * (b - y);
    red += 0.713 * (r - y);
  }
  const mean = (sum: number) => Math.round(128 + sum / grey.length);
  return { hash: hashOfGrey(grey), blueness: mean(blue), redness: mean(red) };
}

/** Hashes grey values [32, 32], rows from the top. Bit 63 is frequency (0, 0), bit 62 (0, 1). */
export function hashOfGrey(grey: ArrayLike<number>): bigint {
  const frequencies = lowestFrequencies(grey);
  const sorted = [...frequencies].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[middle - 1]! + sorted[middle]!) / 2;
  return frequencies.reduce((hash, value) => (hash << 1n) | (value - median > ROUNDING ? 1n : 0n), 0n);
}

/** Computes the cosine transform over columns, then over rows; returns its first 8 x 8 values, row by row. */
function lowestFrequencies(grey: ArrayLike<number>): number[] {
  const columns = COSINES.map((cosine) =>
    Float64Array.from({ length: SIDE }, (_, x) => {
      let sum = 0;
      for (let y = 0; y < SIDE; y++) sum += cosine[y]! * grey[y * SIDE + x]!;
      return sum;
    }),
  );
  return columns.flatMap((row) =>
    COSINES.map((cosine) => cosine.reduce((sum, value, x) => sum + value * row[x]!, 0)),
  );
}
