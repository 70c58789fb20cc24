// Rows times a power of two, which keeps all digits and the order of distances. Shapes: N rows, D numbers per row.
import type { RowSource } from "./row_source";

/** Bounds of numbers whose squares, and sums of them, neither overflow nor underflow in float32. */
const [SMALLEST, LARGEST] = [2 ** -40, 2 ** 40];

/** Number of first rows that are inspected. */
const INSPECTED_ROWS = 4096;

/**
 * Returns the power of two that scales queries and index so that float32 holds their squares; 1 for ordinary numbers.
 */
export async function scaleOf(queries: RowSource, index: RowSource): Promise<number> {
  const looked = [queries, index].map(({ count, block }) => block(0, Math.min(count, INSPECTED_ROWS)));
  const largest = (await Promise.all(looked)).reduce((most, rows) => Math.max(most, largestOf(rows)), 0);
  if (largest === 0 || (largest > SMALLEST && largest < LARGEST)) return 1;
  return 2 ** -Math.floor(Math.log2(largest));
}

function largestOf(rows: Float32Array): number {
  let largest = 0;
  for (const value of rows) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  return largest;
}

/** Returns the rows times `scale`. */
export function scaledRows(rows: RowSource, scale: number): RowSource {
  if (scale === 1) return rows;
  const { count, length } = rows;
  return {
    count,
    length,
    block: async (start, end) => (await rows.block(start, end)).map((value) => value * scale),
  };
}
