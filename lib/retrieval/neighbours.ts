// Exact nearest neighbours. Shapes: Q queries, N index rows, E embedding length, k neighbours.
import type { OnProgress } from "../common/progress";
import { listRows, rowsIn, type Vectors } from "../common/vectors";
import { tf } from "../engine/native/tf";
import type { BestRows } from "./best_rows";
import { exactSearch } from "./exact_search";
import type { Metric } from "./metric";
import { type Rows, rowSource } from "./rows";
import { scaledRows, scaleOf } from "./scaled_rows";

/** The k nearest index rows of every query, best first; among equally near ones the lower position first. */
export interface Neighbours {
  /** [Q][k] positions in the index. */
  positions: Int32Array[];
  /** [Q][k] cosines. */
  cosines: Float32Array[];
}

/** The same by Euclidean distance. */
export interface DistantNeighbours {
  /** [Q][k] positions in the index. */
  positions: Int32Array[];
  /** [Q][k] distances. */
  distances: Float32Array[];
}

/** What else a search takes. */
export interface NeighbourOptions {
  /**
   * Where in the index each query stands, -1 where it does not: it is left out of its own neighbours. `same`: the
   * queries are the index.
   */
  own?: "same" | ArrayLike<number>;
  onProgress?: OnProgress;
}

/**
 * Exact nearest neighbours by cosine; for unit vectors the order is that of Euclidean distance. Rows need not be of
 * unit length. The index is read in blocks: rows on disk (`openFeatures(folder)`) may be more than memory holds;
 * queries are held in memory.
 * @throws UserError for rows of different lengths, k below 1, and numbers that are not finite
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
 * The same by Euclidean distance between the rows as they are.
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

/** Positions of every query where queries and index are the same rows. */
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

/** One array a query: [Q * k] -> [Q][k]. */
function split<T extends Int32Array | Float32Array>(flat: T, count: number): T[] {
  return listRows(rowsIn(flat, count));
}

/**
 * Cosine of every pair of rows, `[count][count]`; for a few rows that one wants to look at.
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
