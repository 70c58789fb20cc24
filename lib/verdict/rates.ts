// Rates of right and wrong answers at a threshold. Shapes: Q queries.
import { quantile } from "../retrieval/bootstrap";
import { type Matches, PAIR_BINS } from "./matches";

/** Rates at a threshold; shares of queries, 0..1. */
export interface Rates {
  /** Of queries whose class is not in the index: accepted. Identification's FPIR. */
  falseAccept: number;
  /** Of queries whose class is in the index: accepted, and the nearest image is of their class. */
  trueAccept: number;
  /** Of these: accepted, but the nearest image is of another class. */
  wrongAccept: number;
}

/** Returns the best score of each query whose class is in the index, as a search finds it; NaN for other queries. */
export function knownScores({ mate, impostor }: Matches): Float64Array {
  return mate.map((score, query) => Math.max(score, impostor[query]!));
}

/**
 * Computes the rates at a threshold. A score that equals the threshold is accepted.
 * @param weights how often each query counts, [Q]; default: once
 */
export function ratesAt({ mate, impostor }: Matches, threshold: number, weights?: ArrayLike<number>): Rates {
  let [all, falseAccepts, known, right, wrong] = [0, 0, 0, 0, 0];
  for (let query = 0; query < mate.length; query++) {
    const weight = weights?.[query] ?? 1;
    all += weight;
    if (impostor[query]! >= threshold) falseAccepts += weight;
    if (Number.isNaN(mate[query])) continue;
    known += weight;
    if (mate[query]! > impostor[query]!) right += mate[query]! >= threshold ? weight : 0;
    else wrong += impostor[query]! >= threshold ? weight : 0;
  }
  const share = (part: number, whole: number) => (whole > 0 ? part / whole : Number.NaN);
  return {
    falseAccept: share(falseAccepts, all),
    trueAccept: share(right, known),
    wrongAccept: share(wrong, known),
  };
}

/** A point of the curve of right answers over false accepts. */
export interface RocPoint {
  threshold: number;
  falseAccept: number;
  trueAccept: number;
}

/**
 * Returns the curve of right and accepted queries over falsely accepted ones, from the highest threshold to the lowest.
 * @param points most points, from 2; they are evenly spread over the false accepts' ranks
 */
export function rocCurve(matches: Matches, points = 200): RocPoint[] {
  const sorted = Float64Array.from(matches.impostor).sort().reverse();
  const count = Math.min(points, sorted.length);
  const thresholds = Array.from(
    { length: count },
    (_, i) => sorted[Math.round((i * (sorted.length - 1)) / Math.max(1, count - 1))]!,
  );
  return [...new Set(thresholds)].map((threshold) => {
    const { falseAccept, trueAccept } = ratesAt(matches, threshold);
    return { threshold, falseAccept, trueAccept };
  });
}

/** The distribution of best scores, in bins of equal width. */
export interface ScoreHistogram {
  /** Middle of each bin. */
  scores: number[];
  /** Share of the queries whose class is in the index, per bin: of those whose nearest image is right, then wrong. */
  right: number[];
  wrong: number[];
  /** Share of the queries whose class is not in the index, per bin. */
  unknown: number[];
}

/** Counts the best scores of queries whose class is in the index, and of the same queries without it. */
export function scoreHistogram(matches: Matches, bins = 40): ScoreHistogram {
  const known = knownScores(matches);
  const { mate, impostor } = matches;
  const all = [...impostor, ...known.filter((score) => !Number.isNaN(score))];
  const low = all.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const width = (all.reduce((a, b) => Math.max(a, b), low) - low) / bins || 1;
  const binOf = (score: number) => Math.min(bins - 1, Math.floor((score - low) / width));
  const empty = () => new Array<number>(bins).fill(0);
  const [right, wrong, unknown] = [empty(), empty(), empty()];
  const knownCount = all.length - impostor.length;
  for (let query = 0; query < mate.length; query++) {
    unknown[binOf(impostor[query]!)]! += 1 / mate.length;
    if (Number.isNaN(known[query])) continue;
    const isRight = mate[query]! > impostor[query]!;
    (isRight ? right : wrong)[binOf(known[query]!)]! += 1 / knownCount;
  }
  return { scores: right.map((_, bin) => low + (bin + 0.5) * width), right, wrong, unknown };
}

/**
 * Returns the area under the ROC of two lists of scores: the chance that a value of `high` exceeds one of `low`, ties by
 * half. Ignores NaN in `high`.
 * @param weights how often each query counts, [Q], for both lists; default: once
 */
export function auroc(high: ArrayLike<number>, low: ArrayLike<number>, weights?: ArrayLike<number>): number {
  const items = [
    ...Array.from(high, (score, query) => ({ score, isHigh: true, weight: weights?.[query] ?? 1 })),
    ...Array.from(low, (score, query) => ({ score, isHigh: false, weight: weights?.[query] ?? 1 })),
  ].filter(({ score, weight }) => !Number.isNaN(score) && weight > 0);
  items.sort((a, b) => a.score - b.score);
  let [below, wins, highs] = [0, 0, 0];
  for (let start = 0; start < items.length; ) {
    let [end, tiedHigh, tiedLow] = [start, 0, 0];
    for (; end < items.length && items[end]!.score === items[start]!.score; end++) {
      if (items[end]!.isHigh) tiedHigh += items[end]!.weight;
      else tiedLow += items[end]!.weight;
    }
    wins += tiedHigh * (below + tiedLow / 2);
    below += tiedLow;
    highs += tiedHigh;
    start = end;
  }
  return highs > 0 && below > 0 ? wins / (highs * below) : Number.NaN;
}

/**
 * Returns identification's miss rate at a rate of false accepts, the FNIR at an FPIR of NIST's FRTE 1:N: the share of
 * queries with their class in the index whose nearest image is of another class or below the threshold, which is the
 * plain quantile of the impostors' scores.
 */
export function fnirAtFpir(matches: Matches, rate: number): number {
  const sorted = Float64Array.from(matches.impostor).sort();
  return 1 - ratesAt(matches, quantile(sorted, 1 - rate)).trueAccept;
}

/**
 * Returns verification's miss rate, the FNMR at an FMR: of all pairs of a query and an image of its class, the share
 * below the threshold at which the share `rate` of all other pairs is accepted. Cosines are exact to 1 / 10,000.
 */
export function fnmrAtFmr({ pairs }: Pick<Matches, "pairs">, rate: number): number {
  const allowed = rate * sum(pairs.impostor);
  let [accepted, bin] = [0, PAIR_BINS];
  while (bin > 0 && accepted + pairs.impostor[bin - 1]! <= allowed) accepted += pairs.impostor[--bin]!;
  const genuine = sum(pairs.genuine);
  return genuine > 0 ? 1 - sum(pairs.genuine.subarray(bin)) / genuine : Number.NaN;
}

function sum(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0);
}

/**
 * Returns the share of accepted answers that are right, if some of the queries have nothing in the index.
 * @param unknown share of queries whose class is not in the index, 0..1
 * @returns NaN if nothing is accepted
 */
export function precisionAtShare({ trueAccept, wrongAccept, falseAccept }: Rates, unknown: number): number {
  const right = (1 - unknown) * trueAccept;
  const wrong = (1 - unknown) * wrongAccept + unknown * falseAccept;
  return right / (right + wrong);
}

/**
 * Returns mean Precision@5 with rejection. With its class in the index, a query counts its precision if it is accepted
 * and 0 if it is rejected; without it, 1 if it is rejected and 0 if it is accepted.
 * @param precisions Precision@5 of each query, [Q]; NaN for a query without its class in the index
 * @param unknown share of queries whose class is not in the index, 0..1
 */
export function mp5WithRejection(
  matches: Matches,
  precisions: ArrayLike<number>,
  threshold: number,
  unknown: number,
): number {
  const known = knownScores(matches);
  let [total, count] = [0, 0];
  for (let query = 0; query < known.length; query++) {
    if (Number.isNaN(known[query])) continue;
    total += known[query]! >= threshold ? precisions[query]! : 0;
    count++;
  }
  const { falseAccept } = ratesAt(matches, threshold);
  return (1 - unknown) * (count > 0 ? total / count : 0) + unknown * (1 - falseAccept);
}
