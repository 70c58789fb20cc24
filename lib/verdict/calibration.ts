// The probability that the nearest image shows the same object, from its score. Shapes: n answers.
import type { Matches } from "./matches";
import { knownScores } from "./rates";
import { groupsOf } from "./resamples";

/** A logistic curve: 1 / (1 + exp(-(intercept + slope x score))). */
export interface Calibration {
  intercept: number;
  slope: number;
}

/** Answers whose truth is known. */
export interface Answers {
  /** Score of the nearest image, [n]. */
  scores: Float64Array;
  /** 1 if it is of the query's class, else 0, [n]. */
  truths: Uint8Array;
  /** [n]. */
  weights: Float64Array;
  /** Class of the query, [n]. */
  labels: Float64Array;
}

/** Answers of similar probability. */
export interface ReliabilityBin {
  /** Mean of the probabilities. */
  said: number;
  /** Share that is right. */
  seen: number;
  /** Sum of the weights, as a share of all. */
  share: number;
}

/** A calibration, and how well one that has not seen a class tells the truth about it. */
export interface CheckedCalibration extends Calibration {
  /** Ten bins of equal weight, by cross-fitting over classes. */
  reliability: ReliabilityBin[];
  /** Mean distance of said and seen over the bins. */
  error: number;
}

const FOLDS = 5;
const BINS = 10;
const STEPS = 50;
/** Pulls the slope to 0 a little, so that scores without overlap have a finite curve; in answers. */
const RIDGE = 1;

/**
 * Returns two answers of every query: one with its class in the index, if it is there, and one without it.
 * @param unknown share of the answers without it, 0..1
 */
export function answersOf(matches: Matches, unknown: number): Answers {
  const known = knownScores(matches);
  const { labels, mate, impostor } = matches;
  const knownCount = known.reduce((count, score) => count + (Number.isNaN(score) ? 0 : 1), 0);
  const rows: [score: number, truth: number, weight: number, label: number][] = [];
  const total = known.length + knownCount;
  for (let query = 0; query < known.length; query++) {
    const label = labels[query]!;
    rows.push([impostor[query]!, 0, (unknown * total) / known.length, label]);
    if (Number.isNaN(known[query])) continue;
    const isRight = mate[query]! > impostor[query]! ? 1 : 0;
    rows.push([known[query]!, isRight, ((1 - unknown) * total) / knownCount, label]);
  }
  return {
    scores: Float64Array.from(rows, ([score]) => score),
    truths: Uint8Array.from(rows, ([, truth]) => truth),
    weights: Float64Array.from(rows, ([, , weight]) => weight),
    labels: Float64Array.from(rows, ([, , , label]) => label),
  };
}

/** Returns the probability of a score, 0..1. */
export function probabilityOf({ intercept, slope }: Calibration, score: number): number {
  return 1 / (1 + Math.exp(-(intercept + slope * score)));
}

/**
 * Fits a logistic curve by Newton's method to weighted answers.
 * @param isUsed chooses answers by their position; default: all
 */
export function fitCalibration(
  { scores, truths, weights }: Answers,
  isUsed: (answer: number) => boolean = () => true,
): Calibration {
  const used = Array.from(scores.keys()).filter(isUsed);
  const total = used.reduce((sum, i) => sum + weights[i]!, 0);
  const mean = used.reduce((sum, i) => sum + weights[i]! * scores[i]!, 0) / total;
  const variance = used.reduce((sum, i) => sum + weights[i]! * (scores[i]! - mean) ** 2, 0) / total;
  const deviation = Math.sqrt(variance) || 1;
  let [intercept, slope] = [0, 0];
  for (let step = 0; step < STEPS; step++) {
    let [g0, g1, h00, h01, h11] = [0, -RIDGE * slope, 1e-9, 0, RIDGE];
    for (const i of used) {
      const x = (scores[i]! - mean) / deviation;
      const p = probabilityOf({ intercept, slope }, x);
      const [residual, curvature] = [weights[i]! * (truths[i]! - p), weights[i]! * p * (1 - p)];
      g0 += residual;
      g1 += residual * x;
      h00 += curvature;
      h01 += curvature * x;
      h11 += curvature * x * x;
    }
    const determinant = h00 * h11 - h01 * h01;
    const [d0, d1] = [(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant];
    intercept += d0;
    slope += d1;
    if (Math.abs(d0) + Math.abs(d1) < 1e-10) break;
  }
  return { intercept: intercept - (slope * mean) / deviation, slope: slope / deviation };
}

/** Fits a calibration, and checks it by cross-fitting: each fifth of the classes is judged by the others' curve. */
export function checkedCalibration(matches: Matches, unknown: number): CheckedCalibration {
  const answers = answersOf(matches, unknown);
  const { groupOf } = groupsOf(answers.labels);
  const said = new Float64Array(answers.scores.length);
  for (let fold = 0; fold < FOLDS; fold++) {
    const curve = fitCalibration(answers, (answer) => groupOf[answer]! % FOLDS !== fold);
    for (let i = 0; i < said.length; i++)
      if (groupOf[i]! % FOLDS === fold) said[i] = probabilityOf(curve, answers.scores[i]!);
  }
  const reliability = reliabilityOf(said, answers);
  const error = reliability.reduce((sum, bin) => sum + bin.share * Math.abs(bin.said - bin.seen), 0);
  return { ...fitCalibration(answers), reliability, error };
}

/** Returns bins of equal weight by probability, the lowest first. @param said [n] */
export function reliabilityOf(
  said: Float64Array,
  { truths, weights }: Pick<Answers, "truths" | "weights">,
): ReliabilityBin[] {
  const order = Array.from(said.keys()).sort((a, b) => said[a]! - said[b]!);
  const total = weights.reduce((a, b) => a + b, 0);
  const bins: ReliabilityBin[] = [];
  let [weight, saidSum, seenSum, passed] = [0, 0, 0, 0];
  for (const [at, i] of order.entries()) {
    weight += weights[i]!;
    saidSum += weights[i]! * said[i]!;
    seenSum += weights[i]! * truths[i]!;
    const isFull = passed + weight >= ((bins.length + 1) * total) / BINS - 1e-9 * total;
    if (!isFull && at < order.length - 1) continue;
    bins.push({ said: saidSum / weight, seen: seenSum / weight, share: weight / total });
    passed += weight;
    [weight, saidSum, seenSum] = [0, 0, 0];
  }
  return bins;
}
