// The best scores of labelled queries: against their own class, and against all others. Shapes: Q queries, N index rows,
// F numbers per row.
import { UserError } from "../common/errors";
import { checkInterrupt } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import { rowOf, sliceRows, type Vectors } from "../common/vectors";
import { tf } from "../engine/native/tf";
import { type NeighbourOptions, positionsOf } from "../retrieval/neighbours";

/**
 * The two best cosines of each query. Together they tell what a search finds with and without the query's class in the
 * index: the better one of both with it, `impostor` alone without it. So each class is taken out of the index in turn.
 */
export interface Matches {
  /** Classes of the queries, [Q]. */
  labels: ArrayLike<number>;
  /** The data set of each query, [Q], if there are several. */
  datasets?: readonly string[] | undefined;
  /** Best cosine with another image of the query's own class, [Q]; NaN if there is none in the index. */
  mate: Float64Array;
  /** Best cosine with an image of another class, [Q]. */
  impostor: Float64Array;
  /** Cosines of all pairs of query and row, counted in bins over -1..1. */
  pairs: { genuine: Float64Array; impostor: Float64Array };
}

/** Labelled vectors: a person's index, and queries whose classes are known. */
export interface LabelledVectors {
  queries: Vectors;
  queryLabels: ArrayLike<number>;
  queryDatasets?: readonly string[] | undefined;
  index: Vectors;
  indexLabels: ArrayLike<number>;
  /** Position of each query in the index, -1 if it is not in it; `same`: the queries are the index. */
  own?: NeighbourOptions["own"];
}

/** Bins of the cosines of pairs. */
export const PAIR_BINS = 20_000;
const QUERIES_PER_BLOCK = 64;

/**
 * Computes the best scores of queries by cosine. A query is never its own match.
 * @throws UserError for rows of different lengths, values that are not finite, or an index of one class
 * @example
 * const matches = await matchQueries({ queries, queryLabels, index, indexLabels });
 */
export async function matchQueries(
  { queries, queryLabels, queryDatasets, index, indexLabels, own }: LabelledVectors,
  { onProgress }: { onProgress?: OnProgress | undefined } = {},
): Promise<Matches> {
  requireFitting(queries, index, indexLabels);
  const ownPositions = positionsOf(queries, own);
  const matches: Matches = {
    labels: queryLabels,
    datasets: queryDatasets,
    mate: new Float64Array(queries.count).fill(Number.NaN),
    impostor: new Float64Array(queries.count).fill(Number.NEGATIVE_INFINITY),
    pairs: { genuine: new Float64Array(PAIR_BINS), impostor: new Float64Array(PAIR_BINS) },
  };
  const rows = tf.tensor2d(unitRows(index), [index.count, index.length]);
  try {
    for (let start = 0; start < queries.count; start += QUERIES_PER_BLOCK) {
      const block = sliceRows(queries, start, start + QUERIES_PER_BLOCK);
      const products = tf.tidy(() =>
        tf
          .matMul(tf.tensor2d(unitRows(block), [block.count, block.length]), rows, false, true)
          .dataSync<"float32">(),
      );
      const cosines = { data: products as Float32Array, length: index.count };
      for (let at = 0; at < block.count; at++)
        noteQuery(matches, start + at, rowOf(cosines, at), indexLabels, ownPositions?.[start + at] ?? -1);
      await checkInterrupt();
      onProgress?.({ stage: "match", done: start + block.count, total: queries.count, unit: "queries" });
    }
  } finally {
    rows.dispose();
  }
  return matches;
}

/** Notes the best scores of one query. @param cosines with every row, [N] */
function noteQuery(
  { labels, mate, impostor, pairs }: Matches,
  query: number,
  cosines: Float32Array,
  indexLabels: ArrayLike<number>,
  own: number,
): void {
  let [best, other] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let row = 0; row < cosines.length; row++) {
    if (row === own) continue;
    const cosine = cosines[row]!;
    const isGenuine = indexLabels[row] === labels[query];
    if (isGenuine) best = Math.max(best, cosine);
    else other = Math.max(other, cosine);
    (isGenuine ? pairs.genuine : pairs.impostor)[binOf(cosine)]!++;
  }
  if (best > Number.NEGATIVE_INFINITY) mate[query] = best;
  impostor[query] = other;
}

function binOf(cosine: number): number {
  return Math.max(0, Math.min(PAIR_BINS - 1, Math.floor(((cosine + 1) / 2) * PAIR_BINS)));
}

/** Returns rows of unit length, flat; a row of zeros stays one. @throws UserError for a value that is not finite */
function unitRows({ data, count, length }: Vectors): Float32Array {
  const unit = new Float32Array(count * length);
  for (let row = 0; row < count; row++) {
    let square = 0;
    for (let i = row * length; i < (row + 1) * length; i++) square += data[i]! * data[i]!;
    if (!Number.isFinite(square))
      throw new UserError(
        `Row ${row} holds a number that is NaN or infinite; it has no nearest row.`,
        "Embed that image again, or leave it out.",
      );
    const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
    for (let i = row * length; i < (row + 1) * length; i++) unit[i] = data[i]! * scale;
  }
  return unit;
}

function requireFitting(queries: Vectors, index: Vectors, indexLabels: ArrayLike<number>): void {
  if (queries.length !== index.length)
    throw new UserError(
      `Queries have ${queries.length} numbers per row, the index has ${index.length}.`,
      "Embed both with the same model.",
    );
  if (indexLabels.length !== index.count)
    throw new UserError(`Expected a class for each of ${index.count} rows, got ${indexLabels.length}.`);
  if (new Set(Array.from(indexLabels)).size < 2)
    throw new UserError(
      `A verdict needs an index of two classes or more: a class is taken out, and the others are searched. This one has ${index.count === 0 ? "no rows" : "one class"}.`,
      "Sort the photos into a folder per class, or name a table with a column of classes.",
    );
}
