// Reduction of vectors to fewer numbers: PCA, whitening, random projection.
// Shapes: N rows, F numbers per row, d numbers afterwards.

import { UserError } from "../common/errors";
import { projectPath } from "../common/project";
import { randomStream } from "../common/random";
import { rowOf, setRows, type Vectors, zeroVectors } from "../common/vectors";
import { openSafetensors, writeSafetensors } from "../formats/safetensors";
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

/** A method: `pca`: directions of greatest variance; `whitened`: these scaled to variance 1; `random`: Gaussian. */
export type ReductionKind = "pca" | "whitened" | "random";

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
  const { mean, covariance } = await secondMoments(source);
  const { values, vectors } = await eigenvectors(covariance, length);
  const matrix = new Float32Array(length * dimensions);
  const variances = new Float64Array(dimensions);
  for (let d = 0; d < dimensions; d++) {
    const column = length - 1 - d; // eigenvalues come in ascending order
    variances[d] = Math.max(0, values[column]!);
    requireVariance(whiten, variances[d]!, values[length - 1]!, d);
    const direction = Float64Array.from({ length }, (_, i) => vectors[i * length + column]!);
    const largest = direction.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
    const scale = (largest < 0 ? -1 : 1) / (whiten ? Math.sqrt(variances[d]!) : 1);
    for (let i = 0; i < length; i++) matrix[i * dimensions + d] = direction[i]! * scale;
  }
  const kind = whiten ? "whitened" : "pca";
  return { kind, mean: Float32Array.from(mean), matrix, from: length, to: dimensions, variances };
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

/**
 * Reduces rows, [N, F] -> [N, d]; sums are float64.
 * @throws UserError for rows of another length than F
 * @example
 * const short = reduceRows(vectors, await fitPca(vectors, 64)); // [N, 64]
 */
export function reduceRows(vectors: Vectors, { mean, matrix, from, to }: Reduction): Vectors {
  const { count, length } = vectors;
  if (length !== from)
    throw new UserError(`The reduction was made for rows of ${from} numbers; these have ${length}.`);
  const reduced = zeroVectors(count, to);
  const sums = new Float64Array(to);
  for (let row = 0; row < count; row++) {
    const given = rowOf(vectors, row);
    sums.fill(0);
    for (let i = 0; i < length; i++) {
      const value = given[i]! - mean[i]!;
      for (let d = 0; d < to; d++) sums[d]! += value * matrix[i * to + d]!;
    }
    setRows(reduced, row, sums);
  }
  return reduced;
}

/**
 * Writes a reduction as safetensors: `mean` [F], `matrix` [F, d].
 * @example
 * await writeReduction("features/pca.safetensors", await fitPca(vectors, 64));
 */
export async function writeReduction(
  path: string,
  { kind, mean, matrix, from, to }: Reduction,
): Promise<void> {
  const entries = [
    { name: "mean", shape: [from], data: mean },
    { name: "matrix", shape: [from, to], data: matrix },
  ];
  await writeSafetensors(projectPath(path), entries, { kind });
}

/**
 * Reads what `writeReduction` wrote.
 * @example
 * const pca = readReduction("features/pca.safetensors");
 */
export function readReduction(path: string): Reduction {
  const file = openSafetensors(projectPath(path), "npx guie reduce --help");
  try {
    const [mean, matrix] = [file.read("mean"), file.read("matrix")];
    const [from, to] = file.tensors.get("matrix")!.shape as [number, number];
    return { kind: file.metadata.kind as ReductionKind, mean, matrix, from, to };
  } finally {
    file.close();
  }
}
