/** How many of the first results count. */
const PRECISION_DEPTH = 5;

/** Scores of one retrieval. Shares are 0..1. */
export interface RetrievalScores {
  /** The competition's mean Precision@5. */
  mp5: number;
  /** Share of queries whose first result is right. */
  r1: number;
  /** Queries that count: those with at least one expected image in the index. */
  queries: number;
  /** Queries without any expected image: left out of the means. */
  queriesWithoutMatch: number;
}

/**
 * The competition's precision of one query: (1 / min(n, 5)) x number of right results among the first min(n, 5).
 * @param isRight per rank, best first
 * @param expected n, how many images of the query's class the index holds; at least 1
 */
export function precisionAt5(isRight: readonly boolean[], expected: number): number {
  const depth = Math.min(expected, PRECISION_DEPTH);
  return isRight.slice(0, depth).filter(Boolean).length / depth;
}

/**
 * Scores ranked neighbours.
 * @param neighbours [Q][k] positions in the index, best first, k >= 5 (or the whole index)
 * @param queryLabels [Q]
 * @param indexLabels [N]
 */
export function scoreRetrieval(
  neighbours: readonly ArrayLike<number>[],
  queryLabels: ArrayLike<number>,
  indexLabels: ArrayLike<number>,
): RetrievalScores {
  const expected = new Map<number, number>();
  for (let i = 0; i < indexLabels.length; i++)
    expected.set(indexLabels[i]!, (expected.get(indexLabels[i]!) ?? 0) + 1);
  let [precision, first, counted] = [0, 0, 0];
  for (const [query, ranked] of neighbours.entries()) {
    const count = expected.get(queryLabels[query]!) ?? 0;
    if (count === 0) continue;
    const isRight = Array.from(ranked, (position) => indexLabels[position] === queryLabels[query]);
    precision += precisionAt5(isRight, count);
    first += isRight[0] ? 1 : 0;
    counted++;
  }
  const mean = (sum: number) => (counted > 0 ? sum / counted : 0);
  return {
    mp5: mean(precision),
    r1: mean(first),
    queries: counted,
    queriesWithoutMatch: neighbours.length - counted,
  };
}
