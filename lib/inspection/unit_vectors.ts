// The vectors that inspection compares: whitened where there are enough, of unit length. Shapes: N images, F features.
import { rowOf, type Vectors, zeroVectors } from "../common/vectors";
import { reduceRows } from "../retrieval/reduction";
import { fitWhitening } from "../retrieval/whitening";

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

/** Returns the directions of vectors, whitened by their own statistics if there are enough: rows of unit length. */
export async function whitenedUnit(vectors: Vectors): Promise<Vectors> {
  const whitening = await fitWhitening(vectors);
  return centredUnit(whitening ? reduceRows(vectors, whitening) : vectors);
}
