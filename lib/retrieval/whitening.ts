// Whitening of vectors by a set's own statistics: no label is needed. Shapes: N rows, F numbers per row.
import { principalDirections, type Reduction } from "./reduction";
import { type Rows, rowSource } from "./row_source";

/** Fewer rows than this tell too little about the directions: they are not whitened. */
const LEAST_ROWS = 16;
/**
 * Added to each direction's variance, in mean variances of a direction: a direction that hardly varies is mostly noise,
 * and is not blown up. docs/how_to/whitening.md tells where the number comes from.
 */
const FLOOR = 2;

/** The numbers of the rule: what was whitened by another rule is to be made anew. */
export const WHITENING_RULE = `whitened from ${LEAST_ROWS} rows, floor ${FLOOR}`;

/** Returns the number of directions that are whitened for N rows of F numbers: all F; 0 if there are too few rows. */
export function whiteningDirections(count: number, length: number): number {
  return count < LEAST_ROWS ? 0 : length;
}

/**
 * Fits a whitening to rows, for example to the features of a person's own photos; queries take no part. Each direction
 * is divided by the square root of its variance plus twice the mean variance of a direction. Directions in which these
 * rows do not vary are kept: others may.
 * @returns undefined if there are fewer than 16 rows, or they do not vary
 * @throws UserError if a number is not finite
 * @example
 * const whitening = await fitWhitening(features);
 * const vectors = whitening ? reduceRows(features, whitening) : features;
 */
export async function fitWhitening(rows: Rows): Promise<Reduction | undefined> {
  const { count, length } = rowSource(rows);
  if (whiteningDirections(count, length) === 0) return undefined;
  const { mean, variances, direction } = await principalDirections(rows);
  const total = variances.reduce((sum, variance) => sum + variance, 0);
  if (total === 0) return undefined;
  const floor = (FLOOR * total) / Math.min(length, count - 1);
  const matrix = new Float32Array(length * length);
  for (let d = 0; d < length; d++) {
    const scale = 1 / Math.sqrt(variances[d]! + floor);
    for (const [i, value] of direction(d).entries()) matrix[i * length + d] = value * scale;
  }
  return { kind: "whitened", mean, matrix, from: length, to: length };
}
