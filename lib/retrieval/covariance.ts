// Covariance of rows and its eigenvectors, in float64 on the engine.
// Shapes: N rows, F numbers per row, B rows per block.
import { checkInterrupt } from "../common/interrupt";
import type { tf } from "../engine/native/tf";
import { trace } from "../engine/program/traced_function";
import { rawOp } from "../engine/tracing/raw_op";
import type { RowSource } from "./row_source";

const ROWS_PER_BLOCK = 4096;

/**
 * Returns mean [F] and covariance [F, F] (divided by N - 1) of rows that are read in blocks. It sums differences from
 * the first row, so that rows far from the origin lose no precision.
 */
export async function secondMoments(
  rows: RowSource,
): Promise<{ mean: Float64Array; covariance: Float64Array }> {
  const { count, length } = rows;
  const size = Math.min(ROWS_PER_BLOCK, count);
  const first = Float64Array.from(await rows.block(0, 1));
  const sums = new Float64Array(length);
  const products = new Float64Array(length * length);
  const body = ({ block }: { block: tf.Tensor }) =>
    rawOp("MatMul", [block, block], { transpose_a: true })[0]!;
  const multiply = trace(body, { block: { shape: [size, length], dtype: "float64" } });
  try {
    for (let start = 0; start < count; start += size) {
      await checkInterrupt();
      const part = await rows.block(start, Math.min(start + size, count));
      const block = new Float64Array(size * length);
      for (let i = 0; i < part.length; i++) block[i] = part[i]! - first[i % length]!;
      for (let i = 0; i < part.length; i++) sums[i % length]! += block[i]!;
      const { data } = await multiply.run({ block });
      for (let i = 0; i < products.length; i++) products[i]! += (data as Float64Array)[i]!;
    }
  } finally {
    multiply.dispose();
  }
  for (let i = 0; i < products.length; i++) {
    const [row, column] = [Math.floor(i / length), i % length];
    products[i] = (products[i]! - (sums[row]! * sums[column]!) / count) / (count - 1);
  }
  return { mean: first.map((value, i) => value + sums[i]! / count), covariance: products };
}

/** Returns eigenvalues [F], ascending, and eigenvectors [F, F], one per column, of a symmetric matrix. */
export async function eigenvectors(
  matrix: Float64Array,
  length: number,
): Promise<{ values: Float64Array; vectors: Float64Array }> {
  const body = ({ symmetric }: { symmetric: tf.Tensor }) =>
    rawOp("SelfAdjointEigV2", [symmetric], { compute_v: true });
  const decompose = trace(body, { symmetric: { shape: [length, length], dtype: "float64" } });
  try {
    const [values, vectors] = await decompose.run({ symmetric: matrix });
    return { values: values!.data as Float64Array, vectors: vectors!.data as Float64Array };
  } finally {
    decompose.dispose();
  }
}

/**
 * Returns the product of two matrices, [n, k] x [k, m] -> [n, m].
 * @param options.transpose true if the first one is given as [k, n]
 */
export async function matrixProduct(
  a: Float64Array,
  b: Float64Array,
  [n, k, m]: readonly [number, number, number],
  { transpose = false } = {},
): Promise<Float64Array> {
  const body = ({ a, b }: { a: tf.Tensor; b: tf.Tensor }) =>
    rawOp("MatMul", [a, b], { transpose_a: transpose })[0]!;
  const multiply = trace(body, {
    a: { shape: transpose ? [k, n] : [n, k], dtype: "float64" },
    b: { shape: [k, m], dtype: "float64" },
  });
  try {
    const { data } = await multiply.run({ a, b });
    return data as Float64Array;
  } finally {
    multiply.dispose();
  }
}
