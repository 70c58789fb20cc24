// The nearest rows found so far. Shapes: Q queries, k results per query.

/** One list per query. While rows are inserted, it is a heap with its worst row on top; `sortLists` sorts it. */
export interface BestRows {
  k: number;
  /** [Q, k]; -Infinity in free places. */
  scores: Float64Array;
  /** [Q, k]; -1 in free places. */
  positions: Int32Array;
}

/** Returns empty lists. */
export function emptyLists(queries: number, k: number): BestRows {
  return {
    k,
    scores: new Float64Array(queries * k).fill(Number.NEGATIVE_INFINITY),
    positions: new Int32Array(queries * k).fill(-1),
  };
}

/** Returns the score that a row must reach to enter a query's list. */
export function lastScore({ k, scores }: BestRows, query: number): number {
  return scores[query * k]!;
}

/** Inserts a row into a query's list if it is better than the worst, which it replaces. Ties: lower position first. */
export function insertRow(best: BestRows, query: number, score: number, position: number): void {
  const top = query * best.k;
  const [last, at] = [best.scores[top]!, best.positions[top]!];
  if (score > last || (score === last && position < at)) sink(best, top, best.k, score, position);
}

/** Sorts every list: nearest first, ties by the lower position. */
export function sortLists(best: BestRows): void {
  const { k, scores, positions } = best;
  for (let top = 0; top < scores.length; top += k) {
    for (let end = top + k - 1; end > top; end--) {
      const [score, position] = [scores[end]!, positions[end]!];
      scores[end] = scores[top]!;
      positions[end] = positions[top]!;
      sink(best, top, end - top, score, position);
    }
  }
}

/** Replaces a heap's top by a row, and moves it down until no row below it is worse. */
function sink({ scores, positions }: BestRows, top: number, size: number, score: number, position: number) {
  let at = 0;
  for (let child = 1; child < size; child = 2 * at + 1) {
    const [left, right] = [top + child, top + child + 1];
    const isRight =
      child + 1 < size &&
      (scores[right]! < scores[left]! ||
        (scores[right] === scores[left] && positions[right]! > positions[left]!));
    const worse = isRight ? right : left;
    const below = scores[worse]!;
    if (below > score || (below === score && positions[worse]! <= position)) break;
    scores[top + at] = below;
    positions[top + at] = positions[worse]!;
    at = worse - top;
  }
  scores[top + at] = score;
  positions[top + at] = position;
}
