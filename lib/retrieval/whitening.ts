// Whitening of vectors by a set's own statistics: no label is needed. Shapes: N rows, F numbers per row.
import { fitPca, type Reduction } from "./reduction";
import { type Rows, rowSource } from "./row_source";

/** Largest number of whitened directions. */
const MOST_DIRECTIONS = 256;
/** Rows that each direction needs: fewer leave directions of noise. */
const ROWS_PER_DIRECTION = 6;
/** Fewer rows than this tell nothing about the directions: they are not whitened. */
const LEAST_ROWS = 48;

/** Returns the number of directions to whiten for N rows of F numbers; 0 if there are too few rows. */
export function whiteningDirections(count: number, length: number): number {
  if (count < LEAST_ROWS) return 0;
  return Math.min(MOST_DIRECTIONS, length, Math.floor(count / ROWS_PER_DIRECTION));
}

/**
 * Fits a whitening to rows, for example to the features of a person's own photos; queries take no part.
 * @returns undefined if there are too few rows
 * @example
 * const whitening = await fitWhitening(features);
 * const vectors = whitening ? reduceRows(features, whitening) : features;
 */
export async function fitWhitening(rows: Rows): Promise<Reduction | undefined> {
  const { count, length } = rowSource(rows);
  const directions = whiteningDirections(count, length);
  return directions === 0 ? undefined : fitPca(rows, directions, true);
}
