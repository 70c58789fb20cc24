// Codes of rows: every number becomes one of a few levels. Shapes: N rows, E numbers per row, L = 2^bits levels, B bytes
// per row.
import { listRows, rowOf, type Vectors } from "../../common/vectors";

/** Bits per number of a row. */
export type CodeBits = 1 | 2 | 4 | 8;

/** All of them. */
export const CODE_BITS: readonly CodeBits[] = [1, 2, 4, 8];

/** The levels of every number of a row. */
export interface Levels {
  bits: CodeBits;
  /** E. */
  length: number;
  /** [E, L], each number's levels in ascending order. */
  values: Float32Array;
  /** [E, L - 1], the borders between neighbouring levels. */
  borders: Float32Array;
}

const ROUNDS = 12;

/** The levels of each number, [E, L]. */
function valuesOf({ values: data, bits }: Levels): Pick<Vectors, "data" | "length"> {
  return { data, length: 2 ** bits };
}

/** The borders of each number, [E, L - 1]. */
function bordersOf({ borders: data, bits }: Levels): Pick<Vectors, "data" | "length"> {
  return { data, length: 2 ** bits - 1 };
}

/** Returns levels by their values: a border lies in the middle of two. */
export function levelsOf({ bits, length, values }: Omit<Levels, "borders">): Levels {
  const [cells, gaps] = [2 ** bits, 2 ** bits - 1];
  const at = (gap: number) => Math.floor(gap / gaps) * cells + (gap % gaps);
  const borders = Float32Array.from({ length: length * gaps }, (_, gap) => {
    return (values[at(gap)]! + values[at(gap) + 1]!) / 2;
  });
  return { bits, length, values, borders };
}

/** Returns the number of bytes of a row's code. */
export function codeBytes({ bits, length }: Pick<Levels, "bits" | "length">): number {
  return Math.ceil((length * bits) / 8);
}

/**
 * Fits the levels of every number to a sample of rows: the means of equally full cells, improved by Lloyd's steps.
 * @param sample unit vectors
 * @see Lloyd, "Least squares quantization in PCM", 1982
 */
export function fitLevels(sample: Vectors, bits: CodeBits): Levels {
  const { count, length } = sample;
  const rows = listRows(sample);
  const cells = 2 ** bits;
  const levels: Levels = {
    bits,
    length,
    values: new Float32Array(length * cells),
    borders: new Float32Array(length * (cells - 1)),
  };
  const column = new Float32Array(count);
  for (let d = 0; d < length; d++) {
    for (const [row, values] of rows.entries()) column[row] = values[d]!;
    fitColumn(column.sort(), rowOf(valuesOf(levels), d), rowOf(bordersOf(levels), d));
  }
  return levels;
}

/** Fits one number's levels to its sorted values. */
function fitColumn(sorted: Float32Array, values: Float32Array, borders: Float32Array): void {
  const sums = new Float64Array(sorted.length + 1);
  for (let i = 0; i < sorted.length; i++) sums[i + 1] = sums[i]! + sorted[i]!;
  const ends = Float64Array.from(values, (_, cell) =>
    Math.round(((cell + 1) * sorted.length) / values.length),
  );
  for (let round = 0; round < ROUNDS; round++) {
    let start = 0;
    for (let cell = 0; cell < values.length; cell++) {
      const end = ends[cell]!;
      values[cell] =
        end > start
          ? (sums[end]! - sums[start]!) / (end - start)
          : (sorted[Math.min(start, sorted.length - 1)] ?? 0);
      start = end;
    }
    for (let cell = 0; cell < borders.length; cell++) {
      borders[cell] = (values[cell]! + values[cell + 1]!) / 2;
      ends[cell] = lowerBound(sorted, borders[cell]!);
    }
  }
}

/** Returns the number of sorted values below a value. */
function lowerBound(sorted: Float32Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Writes the codes of rows, [N, B]: the levels of neighbouring numbers share bytes, the first in the lowest bits.
 * @param into receives them from `at` on, in bytes
 */
export function encodeRows(rows: Vectors, levels: Levels, into: Uint8Array, at = 0): void {
  const { bits, length } = levels;
  const bytes = codeBytes(levels);
  const borders = Array.from({ length }, (_, d) => rowOf(bordersOf(levels), d));
  for (let row = 0; row < rows.count; row++) {
    const values = rowOf(rows, row);
    const start = at + row * bytes;
    into.fill(0, start, start + bytes);
    for (let d = 0; d < length; d++) {
      const level = lowerBound(borders[d]!, values[d]!);
      const bit = d * bits;
      into[start + (bit >> 3)]! |= level << (bit & 7);
    }
  }
}

/**
 * Returns what each byte of a code adds to the product with a query, [B, 256]: the product is a sum of B numbers of this
 * table (asymmetric distances: the query itself is not coded).
 * @see Jegou, Douze, Schmid, "Product Quantization for Nearest Neighbor Search", 2011, section III
 */
export function productTable(query: Float32Array, { bits, length, values }: Levels): Float32Array {
  const [perByte, cells] = [8 / bits, 2 ** bits];
  const bytes = Math.ceil(length / perByte);
  const table = new Float32Array(bytes * 256);
  for (let byte = 0; byte < bytes; byte++) {
    for (let code = 0; code < 256; code++) {
      let sum = 0;
      for (let i = 0; i < perByte; i++) {
        const d = byte * perByte + i;
        if (d < length) sum += query[d]! * values[d * cells + ((code >> (i * bits)) & (cells - 1))]!;
      }
      table[byte * 256 + code] = sum;
    }
  }
  return table;
}
