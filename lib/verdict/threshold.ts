// The threshold for a rate of false accepts. Shapes: Q impostor queries, C classes.
import { UserError } from "../common/errors";
import { type BootstrapOptions, intervalOf, quantile } from "../retrieval/bootstrap";
import { groupsOf, overResamples } from "./resamples";

/** Scores of queries whose class is not among the rows that were searched. */
export interface Impostors {
  /** Best score of each, [Q]. */
  scores: ArrayLike<number>;
  /** Class of each, [Q]. */
  labels: ArrayLike<number>;
}

/** A threshold that keeps its promise. */
export interface Threshold {
  /** The promised rate of false accepts. */
  rate: number;
  /** Scores from this one on are accepted: the upper end of the estimates' one-sided interval. */
  value: number;
  /** The estimate itself, from all scores; with it, the promise would be broken about as often as kept. */
  estimate: number;
  /** 95 % interval of the estimate, by a bootstrap over classes. */
  low: number;
  high: number;
  /** Number of impostor queries, and of their classes. */
  queries: number;
  classes: number;
}

/** Impostor queries per expected false accept that a threshold needs: with fewer, none may have been seen by chance. */
const QUERIES_PER_ACCEPT = 3;
/** Share of the resamples whose threshold is not above the one that is used. docs/how_to/verdict.md: how it was found. */
const CAUTION = 0.8;
/** The share of scores that the tail is fitted to; at least twice the rate. */
const TAIL = 0.1;
/** Fewer scores than this do not tell the shape of a tail. */
const LEAST_TAIL = 5;
const RESAMPLES = 1_000;

/** Returns the least number of impostor queries for a rate: 300 for 1 %. */
export function leastImpostors(rate: number): number {
  return Math.ceil(QUERIES_PER_ACCEPT / rate - 1e-9);
}

/** Checks that a rate of false accepts is one. @throws UserError */
export function requireRate(rate: number): void {
  if (rate > 0 && rate <= 0.5) return;
  throw new UserError(
    `Expected a rate of false accepts above 0 and up to 0.5, got ${rate}.`,
    "0.01 accepts one in a hundred queries that have nothing in the index.",
  );
}

/**
 * Finds the threshold for a rate of false accepts. The tail of the impostors' scores is fitted by a generalised Pareto
 * distribution (peaks over threshold), or the plain quantile is taken if that is higher; a bootstrap over classes tells
 * how far it may be off, and its upper end is used: a plain quantile breaks its promise on other classes in half of the cases.
 * @throws UserError "too few classes" if there are fewer than 3 / rate queries, or fewer than two classes
 * @example
 * const { value } = thresholdFor({ scores: matches.impostor, labels: matches.labels }, 0.01);
 */
export function thresholdFor(
  { scores, labels }: Impostors,
  rate: number,
  { seed = 0, resamples = RESAMPLES }: BootstrapOptions = {},
): Threshold {
  requireRate(rate);
  const groups = groupsOf(labels);
  if (scores.length < leastImpostors(rate) || groups.count < 2)
    throw new UserError(
      `Too few classes: a rate of ${percent(rate)} false accepts needs ${leastImpostors(rate)} queries whose class is taken out of the index, there are ${scores.length} of ${groups.count} ${groups.count === 1 ? "class" : "classes"}.`,
      `Add labelled images of other classes, or promise less: --rate ${shortest(Math.min(0.5, QUERIES_PER_ACCEPT / Math.max(1, scores.length)))}`,
    );
  const order = Int32Array.from(scores, (_, query) => query).sort((a, b) => scores[b]! - scores[a]!);
  const sorted = Float64Array.from(order, (query) => scores[query]!);
  const inOrder = { ...groups, groupOf: Int32Array.from(order, (query) => groups.groupOf[query]!) };
  const estimates = overResamples(inOrder, resamples, seed, (weights) => edgeScore(sorted, weights, rate));
  return {
    rate,
    value: quantile(Float64Array.from(estimates).sort(), CAUTION),
    estimate: edgeScore(sorted, new Float64Array(sorted.length).fill(1), rate),
    ...intervalOf(estimates),
    queries: scores.length,
    classes: groups.count,
  };
}

/** Returns the higher one of what the tail's fit and the scores themselves say: where the fit is bad, it is too low. */
function edgeScore(sorted: Float64Array, weights: Float64Array, rate: number): number {
  const total = weights.reduce((a, b) => a + b, 0);
  return Math.max(tailScore(sorted, weights, rate), orderScore(sorted, weights, rate * total));
}

/**
 * Returns the score that the share `rate` of weighted scores exceeds, by a generalised Pareto distribution that is fitted
 * to the largest tenth by probability-weighted moments (Hosking and Wallis, Technometrics 29, 1987).
 * @param sorted scores, the highest first, [Q]
 * @param weights how often each counts, whole numbers, [Q]
 */
export function tailScore(sorted: Float64Array, weights: Float64Array, rate: number): number {
  const total = weights.reduce((a, b) => a + b, 0);
  const share = Math.min(0.5, Math.max(TAIL, 2 * rate));
  let [count, end] = [0, 0];
  while (end < sorted.length && count + weights[end]! <= share * total) count += weights[end++]!;
  while (end < sorted.length - 1 && weights[end] === 0) end++;
  const base = sorted[Math.min(end, sorted.length - 1)]!;
  let [first, second, above] = [0, 0, 0];
  for (let i = 0; i < end; i++) {
    const [weight, excess] = [weights[i]!, sorted[i]! - base];
    first += weight * excess;
    // of n values, the one that i others exceed has weight i / (n - 1) in the second moment
    second += excess * (weight * above + (weight * (weight - 1)) / 2);
    above += weight;
  }
  const [b0, b1] = [first / count, second / (count * (count - 1))];
  const spread = b0 - 2 * b1;
  if (count < LEAST_TAIL || !(spread > 0)) return orderScore(sorted, weights, rate * total);
  const shape = 2 - b0 / spread;
  const scale = (2 * b0 * b1) / spread;
  const chance = (rate * total) / count;
  return (
    base + (Math.abs(shape) < 1e-9 ? -scale * Math.log(chance) : (scale / shape) * (chance ** -shape - 1))
  );
}

/** Returns the lowest score that no more than `most` weighted scores exceed. */
function orderScore(sorted: Float64Array, weights: Float64Array, most: number): number {
  let above = 0;
  for (let i = 0; i < sorted.length; i++) {
    above += weights[i]!;
    if (above > most) return sorted[i]!;
  }
  return sorted.at(-1)!;
}

/** Formats a share as percent: 1 %, 0.5 %. */
export function percent(share: number): string {
  return `${shortest(100 * share)} %`;
}

function shortest(value: number): string {
  return String(Number(value.toPrecision(2)));
}
