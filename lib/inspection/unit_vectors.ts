// The vectors that inspection compares: whitened where there are enough, of unit length. Shapes: N images, F features.
import { rowOf, type Vectors, zeroVectors } from "../common/vectors";
import { principalDirections, reduceRows } from "../retrieval/reduction";

/** Returns the directions of vectors from their mean, [N, F]: rows of unit length. */
export function centredUnit(vectors: Vectors): Vectors {
  const { count, length } = vectors;
  const mean = new Float64Array(length);
  for (let row = 0; row < count; row++)
    for (const [i, value] of rowOf(vectors, row).entries()) mean[i]! += value / count;
  const unit = zeroVectors(count, length);
  for (let row = 0; row < count; row++) {
    const [from, to] = [rowOf(vectors, row), rowOf(unit, row)];
    let squares = 0;
    for (let i = 0; i < length; i++) squares += (from[i]! - mean[i]!) ** 2;
    const scale = 1 / Math.sqrt(Math.max(squares, 1e-24));
    for (let i = 0; i < length; i++) to[i] = (from[i]! - mean[i]!) * scale;
  }
  return unit;
}

/** Fewer rows tell nothing about the directions. */
const LEAST_ROWS = 48;
const ROWS_PER_DIRECTION = 6;
const MOST_DIRECTIONS = 256;
/** A variance below this share of the greatest is rounding noise. */
const LEAST_VARIANCE = 1e-12;

/**
 * Returns the directions of vectors, whitened by their own statistics if there are enough: rows of unit length. Only
 * the directions of greatest variance are kept, each at full weight: the numbers of docs/how_to/inspect.md were measured with
 * these, and comparisons of all pairs cost a sixth.
 */
export async function whitenedUnit(vectors: Vectors): Promise<Vectors> {
  const { count, length } = vectors;
  if (count < LEAST_ROWS) return centredUnit(vectors);
  const { mean, variances, direction } = await principalDirections(vectors);
  const known = variances.filter((variance) => variance > LEAST_VARIANCE * variances[0]!).length;
  const to = Math.min(MOST_DIRECTIONS, known, Math.floor(count / ROWS_PER_DIRECTION));
  if (to === 0) return centredUnit(vectors);
  const matrix = new Float32Array(length * to);
  for (let d = 0; d < to; d++) {
    const scale = 1 / Math.sqrt(variances[d]!);
    for (const [i, value] of direction(d).entries()) matrix[i * to + d] = value * scale;
  }
  return centredUnit(reduceRows(vectors, { kind: "whitened", mean, matrix, from: length, to }));
}
