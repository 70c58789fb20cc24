// Rows times a power of two, which changes no distance's order and no digit. Shapes: N rows, D numbers of each.
import type { RowSource } from "./rows";

/** Squares of numbers between these bounds, and their sums, are ordinary float32 numbers. */
const [SMALLEST, LARGEST] = [2 ** -40, 2 ** 40];

/** Rows of the index that are looked at. */
const ROWS_LOOKED_AT = 4096;

/**
 * Finds the power of two by which queries and index must be multiplied so that float32 holds their squares: 1 for
 * ordinary numbers.
 */
export async function scaleOf(queries: RowSource, index: RowSource): Promise<number> {
  const looked = [queries, index].map(({ count, block }) => block(0, Math.min(count, ROWS_LOOKED_AT)));
  const largest = (await Promise.all(looked)).reduce((most, rows) => Math.max(most, largestOf(rows)), 0);
  if (largest === 0 || (largest > SMALLEST && largest < LARGEST)) return 1;
  return 2 ** -Math.floor(Math.log2(largest));
}

function largestOf(rows: Float32Array): number {
  let largest = 0;
  for (const value of rows) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  return largest;
}

/** The same rows times `scale`. */
export function scaledRows(rows: RowSource, scale: number): RowSource {
  if (scale === 1) return rows;
  const { count, length } = rows;
  return {
    count,
    length,
    block: async (start, end) => (await rows.block(start, end)).map((value) => value * scale),
  };
}
