// Linear discriminant analysis for classes that it has not seen. Shapes: N rows, F numbers per row, C classes.
import { UserError } from "../common/errors";
import { rowOf, stackRows, zeroVectors } from "../common/vectors";
import { eigenvectors, matrixProduct, secondMoments } from "./covariance";
import { type Reduction, requireFinite } from "./reduction";
import { type RowSource, type Rows, rowSource } from "./row_source";

/** Added to each direction's variance within classes, in mean variances of a number; scikit-learn's `shrinkage` 0.5. */
const FLOOR = 1;
/** Weight of the directions in which the means of the classes do not differ; those in which they do have weight 1. */
const OTHER_WEIGHT = 0.5;
const ROWS_PER_BLOCK = 4096;

/**
 * Fits an LDA to rows of known classes, in closed form. Each direction is divided by the square root of its shrunken
 * variance within classes (scikit-learn's `LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.5)`); then the C - 1
 * directions in which the classes' means differ keep their length, and the others, in which new classes may differ, get
 * less.
 * @param labels class of each row, [N]
 * @returns a map to F numbers
 * @throws UserError if there are fewer than two classes, no class has two different rows, or a number is not finite
 * @example
 * const vectors = reduceRows(queries, await fitLda(train, labels));
 */
export async function fitLda(rows: Rows, labels: ArrayLike<number>): Promise<Reduction> {
  const source = rowSource(rows);
  const { length } = source;
  const { mean, means, counts, classOf } = await classMeans(source, labels);
  const withinWhitening = await whitenWithin(source, (row) => rowOf(means, classOf[row]!));
  const between = stackRows(
    counts.map((n, c) => rowOf(means, c).map((value, i) => (value - mean[i]!) * Math.sqrt(n))),
    length,
  );
  const shift = await matrixProduct(Float64Array.from(between.data), withinWhitening, [
    counts.length,
    length,
    length,
  ]);
  const scatter = await matrixProduct(shift, shift, [length, counts.length, length], { transpose: true });
  const { vectors } = await eigenvectors(scatter, length);
  const turned = await matrixProduct(withinWhitening, vectors, [length, length, length]);
  const matrix = new Float32Array(length * length);
  for (let d = 0; d < length; d++) {
    const column = length - 1 - d; // eigenvalues come in ascending order
    const weight = d < counts.length - 1 ? 1 : OTHER_WEIGHT;
    for (let i = 0; i < length; i++) matrix[i * length + d] = turned[i * length + column]! * weight;
  }
  return { kind: "lda", mean: Float32Array.from(mean), matrix, from: length, to: length };
}

/** Computes the mean of all rows, [F], and of each class, [C, F]; classes are numbered as they come. */
async function classMeans(source: RowSource, labels: ArrayLike<number>) {
  const { count, length } = source;
  if (labels.length !== count)
    throw new UserError(`Expected a class for each of ${count} rows, got ${labels.length}.`);
  const numbers = new Map<number, number>();
  const classOf = Int32Array.from(labels, (label) => {
    if (!numbers.has(label)) numbers.set(label, numbers.size);
    return numbers.get(label)!;
  });
  const C = numbers.size;
  if (C < 2)
    throw new UserError(
      `LDA tells classes apart: expected images of two classes or more, got ${C === 1 ? "one class" : "none"}.`,
      "Fit a whitening: it needs no classes.",
    );
  const sums = new Float64Array(C * length);
  const counts = new Array<number>(C).fill(0);
  const total = new Float64Array(length);
  for (let start = 0; start < count; start += ROWS_PER_BLOCK) {
    const end = Math.min(start + ROWS_PER_BLOCK, count);
    const block = await source.block(start, end);
    for (let row = start; row < end; row++) {
      const at = classOf[row]! * length;
      counts[classOf[row]!]!++;
      for (let i = 0; i < length; i++) {
        const value = block[(row - start) * length + i]!;
        sums[at + i]! += value;
        total[i]! += value / count;
      }
    }
  }
  requireFinite(total, count);
  const means = zeroVectors(C, length);
  for (let i = 0; i < sums.length; i++) means.data[i] = sums[i]! / counts[Math.floor(i / length)]!;
  return { mean: total, means, counts, classOf };
}

/** Returns a matrix [F, F] that divides each direction by its shrunken deviation from the rows' class means. */
async function whitenWithin(source: RowSource, meanOf: (row: number) => Float32Array): Promise<Float64Array> {
  const { length } = source;
  const deviations: RowSource = {
    ...source,
    block: async (start, end) => {
      const block = Float32Array.from(await source.block(start, end));
      for (let row = start; row < end; row++) {
        const mean = meanOf(row);
        for (let i = 0; i < length; i++) block[(row - start) * length + i]! -= mean[i]!;
      }
      return block;
    },
  };
  const { covariance } = await secondMoments(deviations);
  const { values, vectors } = await eigenvectors(covariance, length);
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  if (total === 0)
    throw new UserError(
      "LDA needs a class with two different images: here each class has one image, or copies of one.",
      "Fit a whitening: it needs no classes.",
    );
  const scales = values.map((value) => 1 / Math.sqrt(Math.max(0, value) + (FLOOR * total) / length));
  return vectors.map((value, at) => value * scales[at % length]!);
}
