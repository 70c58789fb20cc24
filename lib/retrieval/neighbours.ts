// Exact nearest neighbours. Shapes: Q queries, N index rows, E embedding length, k neighbours.
import type { OnProgress } from "../common/progress";
import { listRows, rowsIn, type Vectors } from "../common/vectors";
import { tf } from "../engine/native/tf";
import type { BestRows } from "./best_rows";
import { exactSearch } from "./exact_search";
import type { Metric } from "./nearness";
import { type Rows, rowSource } from "./row_source";
import { scaledRows, scaleOf } from "./scaled_rows";

/** The k nearest index rows of each query by cosine, best first; ties by the lower position. */
export interface Neighbours {
  /** [Q][k] positions in the index. */
  positions: Int32Array[];
  /** [Q][k] cosines. */
  cosines: Float32Array[];
}

/** The k nearest index rows of each query by Euclidean distance, best first; ties by the lower position. */
export interface DistantNeighbours {
  /** [Q][k] positions in the index. */
  positions: Int32Array[];
  /** [Q][k] distances. */
  distances: Float32Array[];
}

/** Options of a search. */
export interface NeighbourOptions {
  /**
   * Position of each query in the index, or -1: a query is never its own neighbour. `same`: the queries are the index.
   */
  own?: "same" | ArrayLike<number>;
  onProgress?: OnProgress;
}

/**
 * Returns exact nearest neighbours by cosine; for unit vectors the order equals that of Euclidean distance. Rows need
 * not have unit length. The index is read in blocks, so rows on disk (`openFeatures(folder)`) may exceed memory;
 * queries are held in memory.
 * @throws UserError for rows of different lengths, k < 1, and values that are not finite
 * @example
 * const { positions, cosines } = await nearestNeighbours(queries, index, 5);
 */
export async function nearestNeighbours(
  queries: Rows,
  index: Rows,
  k: number,
  options: NeighbourOptions = {},
): Promise<Neighbours> {
  const best = await search(queries, index, k, "cosine", options);
  const cosines = Float32Array.from(best.scores);
  return { positions: split(best.positions, queries.count), cosines: split(cosines, queries.count) };
}

/**
 * Returns exact nearest neighbours by Euclidean distance between the rows as given.
 * @example
 * const { positions } = await nearestByDistance(queries, index, 5);
 */
export async function nearestByDistance(
  queries: Rows,
  index: Rows,
  k: number,
  options: NeighbourOptions = {},
): Promise<DistantNeighbours> {
  const [queryRows, indexRows] = [rowSource(queries), rowSource(index)];
  const scale = queryRows.length === indexRows.length ? await scaleOf(queryRows, indexRows) : 1;
  const [scaledQueries, scaledIndex] = [queryRows, indexRows].map((rows) => scaledRows(rows, scale));
  const best = await search(scaledQueries!, scaledIndex!, k, "euclidean", options);
  const distances = Float32Array.from(best.scores, (score) => Math.sqrt(-2 * score) / scale);
  return { positions: split(best.positions, queries.count), distances: split(distances, queries.count) };
}

/** Returns the position of each query in the index, as a list if queries and index are the same rows. */
export function positionsOf(queries: Rows, own: NeighbourOptions["own"]): ArrayLike<number> | undefined {
  return own === "same" ? Int32Array.from({ length: queries.count }, (_, query) => query) : own;
}

function search(
  queries: Rows,
  index: Rows,
  k: number,
  metric: Metric,
  { own, onProgress }: NeighbourOptions,
): Promise<BestRows> {
  const ownPositions = positionsOf(queries, own);
  const sources = { queries: rowSource(queries), index: rowSource(index) };
  return exactSearch({ ...sources, k, metric, ownPositions, onProgress });
}

/** Splits a flat array into one per query: [Q * k] -> [Q][k]. */
function split<T extends Int32Array | Float32Array>(flat: T, count: number): T[] {
  return listRows(rowsIn(flat, count));
}

/**
 * Returns the cosine of every pair of rows, `[count][count]`; for a few rows that a person looks at.
 * @example
 * cosineMatrix({ data: Float32Array.of(1, 0, 0, 1), count: 2, length: 2 }) // [[1, 0], [0, 1]]
 */
export function cosineMatrix({ data, count, length }: Vectors): number[][] {
  return tf.tidy(() => {
    const rows = unitRows(tf.tensor2d(data, [count, length]));
    return (tf.matMul(rows, rows, false, true) as tf.Tensor2D).arraySync();
  });
}

function unitRows(rows: tf.Tensor2D): tf.Tensor2D {
  return tf.div(rows, tf.maximum(tf.norm(rows, "euclidean", 1, true), 1e-12));
}
