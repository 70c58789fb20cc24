// How differently one threshold treats the classes. Shapes: Q queries, C classes.
import { quantile } from "../retrieval/bootstrap";
import type { Matches } from "./matches";
import { groupsOf } from "./resamples";

/** Thresholds at which the spread is measured. */
const STEPS = 50;
/** The rates of false accepts between which it is measured, in multiples of the promised one. */
const WIDEST = 10;

/** A class that is accepted too often although it is not in the index. */
export interface OftenAccepted {
  label: number;
  queries: number;
  /** Share of its queries that are accepted when it is taken out of the index. */
  falseAccept: number;
}

/**
 * Returns the operating-point inconsistency of classes, after OPIS (Zhang et al., arXiv 2307.04047): the variance over
 * classes of a class's utility, the harmonic mean of its accepted share with its class in the index and its rejected
 * share without it, averaged over the thresholds between a tenfold rate of false accepts and the promised one. 0: one
 * threshold suits all classes alike.
 */
export function operatingPointInconsistency(matches: Matches, rate: number): number {
  const sorted = Float64Array.from(matches.impostor).sort();
  const [low, high] = [quantile(sorted, 1 - Math.min(0.5, WIDEST * rate)), quantile(sorted, 1 - rate)];
  let total = 0;
  for (let step = 0; step < STEPS; step++) {
    const utilities = utilitiesAt(matches, low + ((high - low) * step) / (STEPS - 1));
    const mean = utilities.reduce((a, b) => a + b, 0) / utilities.length;
    total += utilities.reduce((sum, utility) => sum + (utility - mean) ** 2, 0) / utilities.length;
  }
  return total / STEPS;
}

/** Returns the utility of each class with queries whose class is in the index. */
function utilitiesAt(matches: Matches, threshold: number): number[] {
  return countByClass(matches, threshold).flatMap(({ queries, known, accepted, falseAccepts }) => {
    if (known === 0) return [];
    const [sensitivity, specificity] = [accepted / known, 1 - falseAccepts / queries];
    const both = sensitivity + specificity;
    return both > 0 ? (2 * sensitivity * specificity) / both : 0;
  });
}

function countByClass({ labels, mate, impostor }: Matches, threshold: number) {
  const { groupOf, count } = groupsOf(labels);
  const classes = Array.from({ length: count }, () => ({
    label: 0,
    queries: 0,
    known: 0,
    accepted: 0,
    falseAccepts: 0,
  }));
  for (let query = 0; query < mate.length; query++) {
    const counts = classes[groupOf[query]!]!;
    counts.label = labels[query]!;
    counts.queries++;
    if (impostor[query]! >= threshold) counts.falseAccepts++;
    if (Number.isNaN(mate[query])) continue;
    counts.known++;
    if (mate[query]! >= threshold) counts.accepted++;
  }
  return classes;
}

/** Returns the classes that are accepted most often without being in the index, the most often first. @param most length */
export function mostAccepted(matches: Matches, threshold: number, most: number): OftenAccepted[] {
  return countByClass(matches, threshold)
    .filter(({ falseAccepts }) => falseAccepts > 0)
    .map(({ label, queries, falseAccepts }) => ({ label, queries, falseAccept: falseAccepts / queries }))
    .sort((a, b) => b.falseAccept - a.falseAccept || b.queries - a.queries || a.label - b.label)
    .slice(0, most);
}
