// The nearest rows found so far. Shapes: Q queries, k results of each.

/** Lists of every query, nearest first; among equal scores the lower position first. */
export interface BestRows {
  k: number;
  /** [Q, k]; -Infinity where nothing was found yet. */
  scores: Float64Array;
  /** [Q, k]; -1 where nothing was found yet. */
  positions: Int32Array;
}

/** Empty lists. */
export function emptyLists(queries: number, k: number): BestRows {
  return {
    k,
    scores: new Float64Array(queries * k).fill(Number.NEGATIVE_INFINITY),
    positions: new Int32Array(queries * k).fill(-1),
  };
}

/** The score that a row must reach to enter a query's list. */
export function lastScore({ k, scores }: BestRows, query: number): number {
  return scores[query * k + k - 1]!;
}

/** Puts a row into a query's list where it belongs, if it does; the last one falls out. */
export function insertRow(
  { k, scores, positions }: BestRows,
  query: number,
  score: number,
  position: number,
): void {
  const first = query * k;
  const isBefore = (at: number) => score > scores[at]! || (score === scores[at] && position < positions[at]!);
  let at = first + k - 1;
  if (!isBefore(at)) return;
  for (; at > first && isBefore(at - 1); at--) {
    scores[at] = scores[at - 1]!;
    positions[at] = positions[at - 1]!;
  }
  scores[at] = score;
  positions[at] = position;
}
