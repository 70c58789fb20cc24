// Retrieval metrics. Shapes: Q queries, N index rows, k ranks.
import { UserError } from "../common/errors";
import { keysOf } from "../common/typed_keys";

/** Number of first results in the competition's metric. */
const PRECISION_DEPTH = 5;

/** A measure of one query, 0..1; its mean over the queries is the score. */
interface MeasureOfQuery {
  /** Name in tables. */
  title: string;
  /** Returns the number of ranks that it needs for a query with n expected images. */
  depth(expected: number): number;
  /** Returns the value. @param isRight per rank, best first @param expected n >= 1, images of its class in the index */
  ofQuery(isRight: readonly boolean[], expected: number): number;
}

/** All measures, by name. */
export const MEASURES = {
  /** The competition's mean Precision@5. */
  mp5: { title: "mP@5", depth: (expected) => Math.min(expected, PRECISION_DEPTH), ofQuery: precisionAt5 },
  r1: recallAt(1),
  r5: recallAt(5),
  r10: recallAt(10),
  mapAtR: { title: "mAP@R", depth: (expected) => expected, ofQuery: averagePrecisionAtR },
} satisfies Record<string, MeasureOfQuery>;

/** The name of a measure. */
export type Measure = keyof typeof MEASURES;

/** Names of all measures, in the order of tables. */
export const MEASURE_NAMES = keysOf(MEASURES);

/** Scores of one retrieval, 0..1, and counts. */
export interface RetrievalScores {
  /** The competition's mean Precision@5. */
  mp5: number;
  /** Share of queries whose first result is right. */
  r1: number;
  /** Number of queries that count: those with at least one expected image in the index. */
  queries: number;
  /** Number of queries without an expected image, which the means ignore. */
  queriesWithoutMatch: number;
  /** Number of queries that are in the index, which their own results exclude; undefined for none. */
  queriesInIndex?: number;
}

/** Scores of each query. */
export interface QueryScores {
  /** Classes of the queries, [Q]. */
  labels: ArrayLike<number>;
  /** Number of images of the query's class in the index, without the query itself, [Q]. */
  expected: Int32Array;
  /** [Q] per measure; NaN for queries without an expected image. */
  values: Record<Measure, Float64Array>;
}

/**
 * Returns the competition's precision of one query: (1 / min(n, 5)) x number of right results in the first min(n, 5).
 * @param isRight per rank, best first
 * @param expected n >= 1, number of images of the query's class in the index
 * @example
 * precisionAt5([true, false, true, false, false], 5) // 0.4
 */
export function precisionAt5(isRight: readonly boolean[], expected: number): number {
  const depth = Math.min(expected, PRECISION_DEPTH);
  return isRight.slice(0, depth).filter(Boolean).length / depth;
}

/**
 * Returns average precision at R of one query, as in Musgrave et al., "A Metric Learning Reality Check"
 * (arXiv 2003.08505): (1 / R) x sum of precision@i over the right ranks i among the first R, R = expected.
 */
export function averagePrecisionAtR(isRight: readonly boolean[], expected: number): number {
  let [right, sum] = [0, 0];
  for (let rank = 1; rank <= Math.min(expected, isRight.length); rank++) {
    if (isRight[rank - 1]) sum += ++right / rank;
  }
  return sum / expected;
}

/** Returns the measure Recall@k: 1 if any of the first k results is right, else 0. */
function recallAt(k: number): MeasureOfQuery {
  const ofQuery = (isRight: readonly boolean[]) => (isRight.slice(0, k).includes(true) ? 1 : 0);
  return { title: `R@${k}`, depth: () => k, ofQuery };
}

/**
 * Returns the number of images of each query's class in the index, [Q], without the query itself.
 * @param ownPositions position of each query in the index, [Q], or -1; by default no query is in it
 */
export function expectedCounts(
  queryLabels: ArrayLike<number>,
  indexLabels: ArrayLike<number>,
  ownPositions?: ArrayLike<number>,
): Int32Array {
  const counts = new Map<number, number>();
  for (let i = 0; i < indexLabels.length; i++)
    counts.set(indexLabels[i]!, (counts.get(indexLabels[i]!) ?? 0) + 1);
  return Int32Array.from({ length: queryLabels.length }, (_, query) => {
    const own = ownPositions?.[query] ?? -1;
    const isOneOfThem = own >= 0 && indexLabels[own] === queryLabels[query];
    return (counts.get(queryLabels[query]!) ?? 0) - (isOneOfThem ? 1 : 0);
  });
}

/**
 * Scores each query.
 * @param neighbours [Q][k] positions in the index, best first, without the query itself
 * @param queryLabels [Q]
 * @param indexLabels [N]
 * @param ownPositions position of each query in the index, as for `expectedCounts`
 * @throws UserError if a ranking is too short for a measure and not the whole index
 */
export function scoreQueries(
  neighbours: readonly ArrayLike<number>[],
  queryLabels: ArrayLike<number>,
  indexLabels: ArrayLike<number>,
  { measures = MEASURE_NAMES, ownPositions }: ScoreOptions = {},
): QueryScores {
  const expected = expectedCounts(queryLabels, indexLabels, ownPositions);
  const valuesOf = (measure: Measure) => {
    const { title, depth, ofQuery } = MEASURES[measure];
    return Float64Array.from(neighbours, (ranked, query) => {
      const count = expected[query]!;
      if (count === 0 || !measures.includes(measure)) return Number.NaN;
      requireDepth(title, ranked.length, depth(count), indexLabels.length);
      const isRight = Array.from(
        ranked,
        (position) => position >= 0 && indexLabels[position] === queryLabels[query],
      );
      return ofQuery(isRight, count);
    });
  };
  const values = Object.fromEntries(MEASURE_NAMES.map((measure) => [measure, valuesOf(measure)]));
  return { labels: queryLabels, expected, values: values as Record<Measure, Float64Array> };
}

/** Options of scoring queries. */
export interface ScoreOptions {
  /** Measures to compute; others stay NaN. Default: all. */
  measures?: readonly Measure[];
  /** Position of each query in the index, [Q], or -1; by default no query is in it. */
  ownPositions?: ArrayLike<number>;
}

/** Throws UserError if there are fewer ranks than a measure needs, and the index has more. */
function requireDepth(title: string, ranks: number, needed: number, indexCount: number): void {
  if (ranks >= needed || ranks >= indexCount - 1) return;
  throw new UserError(
    `${title} needs the first ${needed} neighbours of a query, but there are ${ranks}.`,
    `Search with k = ${needed} or more, or leave ${title} out.`,
  );
}

/** Returns the mean over the queries that count; 0 if none does. */
export function meanOf(values: ArrayLike<number>): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) continue;
    sum += values[i]!;
    count++;
  }
  return count > 0 ? sum / count : 0;
}

/**
 * Returns mP@5 and R@1 of ranked neighbours.
 * @param neighbours [Q][k] positions in the index, best first, k >= 5 (or the whole index)
 * @param queryLabels [Q]
 * @param indexLabels [N]
 * @param ownPositions position of each query in the index, as for `expectedCounts`
 * @example
 * scoreRetrieval(neighbours.positions, queryLabels, indexLabels).mp5
 */
export function scoreRetrieval(
  neighbours: readonly ArrayLike<number>[],
  queryLabels: ArrayLike<number>,
  indexLabels: ArrayLike<number>,
  ownPositions?: ArrayLike<number>,
): RetrievalScores {
  const measures = ["mp5", "r1"] as const;
  const { expected, values } = scoreQueries(neighbours, queryLabels, indexLabels, { measures, ownPositions });
  const queriesWithoutMatch = expected.filter((count) => count === 0).length;
  const queries = expected.length - queriesWithoutMatch;
  const inIndex = Array.from(ownPositions ?? []).filter((row) => row >= 0).length;
  return {
    mp5: meanOf(values.mp5),
    r1: meanOf(values.r1),
    queries,
    queriesWithoutMatch,
    ...(inIndex > 0 && { queriesInIndex: inIndex }),
  };
}
