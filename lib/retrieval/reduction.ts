// Reduction of vectors to fewer numbers: PCA, whitening, random projection.
// Shapes: N rows, F numbers per row, d numbers afterwards.

import { UserError } from "../common/errors";
import { randomStream } from "../common/random";
import { setRows, sliceRows, type Vectors, zeroVectors } from "../common/vectors";
import { tf } from "../engine/native/tf";
import { eigenvectors, secondMoments } from "./covariance";
import { type Rows, rowSource } from "./row_source";

/** A linear map of rows: (row - mean) x matrix. */
export interface Reduction {
  /** The method that made it, for people. */
  kind: ReductionKind;
  /** [F]. */
  mean: Float32Array;
  /** [F, d], row-major. */
  matrix: Float32Array;
  /** F. */
  from: number;
  /** d. */
  to: number;
}

/**
 * A method: `pca`: directions of greatest variance; `whitened`: these scaled to variance 1, or near it (`fitWhitening`);
 * `lda`: scaled to the variance within classes (`fitLda`); `random`: Gaussian.
 */
export type ReductionKind = "pca" | "whitened" | "lda" | "random";

/**
 * Fits PCA to rows, for example to training embeddings. The engine computes covariance and eigenvectors in float64; the
 * largest number of each direction is made positive.
 * @param dimensions d, at most F and N - 1
 * @param whiten true to divide each direction by its standard deviation
 * @returns the map, and the variance along each direction, [d], greatest first
 * @throws UserError if the rows have fewer than d directions
 * @example
 * const short = reduceRows(vectors, await fitPca(vectors, 64));
 */
export async function fitPca(
  rows: Rows,
  dimensions: number,
  whiten = false,
): Promise<Reduction & { variances: Float64Array }> {
  const source = rowSource(rows);
  const { count, length } = source;
  const most = Math.min(length, count - 1);
  if (!(Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= most)) {
    throw new UserError(
      `From ${count} rows of ${length} numbers PCA can give 1 to ${Math.max(0, most)} dimensions, not ${dimensions}.`,
    );
  }
  const { mean, variances: all, direction } = await principalDirections(source);
  const matrix = new Float32Array(length * dimensions);
  const variances = all.slice(0, dimensions);
  for (let d = 0; d < dimensions; d++) {
    requireVariance(whiten, variances[d]!, all[0]!, d);
    const scale = whiten ? 1 / Math.sqrt(variances[d]!) : 1;
    for (const [i, value] of direction(d).entries()) matrix[i * dimensions + d] = value * scale;
  }
  const kind = whiten ? "whitened" : "pca";
  return { kind, mean, matrix, from: length, to: dimensions, variances };
}

/** The directions in which rows vary, greatest variance first. */
export interface PrincipalDirections {
  /** [F]. */
  mean: Float32Array;
  /** Variance along each direction, [F]. */
  variances: Float64Array;
  /** Returns a direction of length 1, [F]; its largest number is positive. */
  direction(d: number): Float64Array;
}

/**
 * Computes the principal directions of rows by the engine, in float64.
 * @throws UserError if a number is not finite
 */
export async function principalDirections(rows: Rows): Promise<PrincipalDirections> {
  const source = rowSource(rows);
  const { length } = source;
  const { mean, covariance } = await secondMoments(source);
  requireFinite(mean, source.count);
  const { values, vectors } = await eigenvectors(covariance, length);
  const columnOf = (d: number) => length - 1 - d; // eigenvalues come in ascending order
  return {
    mean: Float32Array.from(mean),
    variances: Float64Array.from(values, (_, d) => Math.max(0, values[columnOf(d)]!)),
    direction: (d) => {
      const direction = Float64Array.from({ length }, (_, i) => vectors[i * length + columnOf(d)]!);
      const largest = direction.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
      return largest < 0 ? direction.map((value) => -value) : direction;
    },
  };
}

/** Throws UserError if a mean is not finite: the eigenvectors would be meaningless. */
export function requireFinite(mean: Float64Array, count: number): void {
  if (mean.every(Number.isFinite)) return;
  throw new UserError(
    `Expected ${count} rows of finite numbers, got one that is NaN or infinite.`,
    "Embed the images again.",
  );
}

/** Throws UserError if whitening would divide by rounding noise. */
function requireVariance(whiten: boolean, variance: number, greatest: number, direction: number): void {
  if (!whiten || variance > greatest * 1e-12) return;
  throw new UserError(
    `The rows do not vary in direction ${direction + 1}: it cannot be whitened.`,
    `Ask for ${direction} directions or fewer.`,
  );
}

/**
 * Returns a Gaussian random projection with entries of variance 1/d, which preserves lengths on average.
 * @example
 * const short = reduceRows(vectors, randomProjection(vectors.length, 64));
 */
export function randomProjection(from: number, to: number, seed = 0): Reduction {
  const random = randomStream(seed, "random projection", from, to);
  const matrix = Float32Array.from({ length: from * to }, () => random.normal() / Math.sqrt(to));
  return { kind: "random", mean: new Float32Array(from), matrix, from, to };
}

/** Rows per product: so few that a large set needs little memory. */
const ROWS_PER_BLOCK = 1024;

/**
 * Reduces rows, [N, F] -> [N, d].
 * @throws UserError for rows of another length than F
 * @example
 * const short = reduceRows(vectors, await fitPca(vectors, 64)); // [N, 64]
 */
export function reduceRows(vectors: Vectors, { mean, matrix, from, to }: Reduction): Vectors {
  const { count, length } = vectors;
  if (length !== from)
    throw new UserError(`The reduction was made for rows of ${from} numbers; these have ${length}.`);
  const reduced = zeroVectors(count, to);
  const [means, columns] = [tf.tensor1d(mean), tf.tensor2d(matrix, [from, to])];
  try {
    for (let start = 0; start < count; start += ROWS_PER_BLOCK) {
      const block = sliceRows(vectors, start, start + ROWS_PER_BLOCK);
      const product = tf.tidy(() =>
        tf.matMul(tf.sub<tf.Tensor2D>(tf.tensor2d(block.data, [block.count, from]), means), columns),
      );
      setRows(reduced, start, product.dataSync());
      product.dispose();
    }
  } finally {
    tf.dispose([means, columns]);
  }
  return reduced;
}
