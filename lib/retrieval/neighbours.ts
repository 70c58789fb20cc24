// Shapes: Q queries, N index rows, E embedding length, k neighbours.
import { breathe } from "../common/interrupt";
import { tf } from "../tensorflow/tf";

const QUERIES_PER_BLOCK = 512;

/** Rows of equal length in one flat array. */
export interface Vectors {
  /** [count, length], row by row. */
  data: Float32Array;
  count: number;
  length: number;
}

/** The k nearest index rows of every query, best first. */
export interface Neighbours {
  /** [Q][k] positions in the index. */
  positions: Int32Array[];
  /** [Q][k] cosines. */
  cosines: Float32Array[];
}

/**
 * Exact nearest neighbours by cosine; for unit vectors the order is that of Euclidean distance.
 * Rows are normalised here. Queries are taken in blocks, so memory is 512 x N floats.
 */
export async function nearestNeighbours(queries: Vectors, index: Vectors, k: number): Promise<Neighbours> {
  const neighbours: Neighbours = { positions: [], cosines: [] };
  const depth = Math.min(k, index.count);
  const indexRows = tf.tidy(() => unitRows(tf.tensor2d(index.data, [index.count, index.length])));
  try {
    for (let start = 0; start < queries.count; start += QUERIES_PER_BLOCK) {
      await breathe();
      const count = Math.min(QUERIES_PER_BLOCK, queries.count - start);
      const block = queries.data.subarray(start * queries.length, (start + count) * queries.length);
      const { values, indices } = tf.tidy(() => {
        const rows = unitRows(tf.tensor2d(block, [count, queries.length]));
        return tf.topk(tf.matMul(rows, indexRows, false, true), depth);
      });
      const [cosines, positions] = [values.dataSync(), indices.dataSync()];
      for (let row = 0; row < count; row++) {
        neighbours.cosines.push(Float32Array.from(cosines.subarray(row * depth, (row + 1) * depth)));
        neighbours.positions.push(Int32Array.from(positions.subarray(row * depth, (row + 1) * depth)));
      }
      tf.dispose([values, indices]);
    }
  } finally {
    indexRows.dispose();
  }
  return neighbours;
}

function unitRows(rows: tf.Tensor2D): tf.Tensor2D {
  return tf.div(rows, tf.maximum(tf.norm(rows, "euclidean", 1, true), 1e-12));
}

/** Cosine of every pair of rows, `[count][count]`; for a few rows that one wants to look at. */
export function cosineMatrix({ data, count, length }: Vectors): number[][] {
  return tf.tidy(() => {
    const rows = unitRows(tf.tensor2d(data, [count, length]));
    return (tf.matMul(rows, rows, false, true) as tf.Tensor2D).arraySync();
  });
}
