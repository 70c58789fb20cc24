// The difference of two models over several seeds, with one interval by a bootstrap over seeds and classes.
// Shapes: Q queries.
import { UserError } from "../common/errors";
import { randomStream } from "../common/random";
import { type BootstrapOptions, type Interval, intervalOf, RESAMPLES, sumByClass } from "./bootstrap";

/** A seed's scores of two models on the same queries. */
export interface SeedScores {
  /** Names the set of queries: seeds of one name have the same queries in the same order. */
  set: string;
  /** Classes of the queries, [Q]. */
  labels: ArrayLike<number>;
  /** Values of the model that is the yardstick, [Q]; NaN for queries that do not count. */
  base: ArrayLike<number>;
  /** Values of the other model, [Q]. */
  other: ArrayLike<number>;
}

/** A mean difference over seeds. */
export interface PooledDifference extends Interval {
  mean: number;
  /** The difference of each seed. */
  bySeed: number[];
}

/**
 * Returns the mean over the seeds of other - base, with its interval. Each resample draws the seeds with replacement,
 * and the classes of each set of queries with replacement: seeds that share their queries share the draw, so that their
 * classes do not count as new evidence. A class brings all its queries, and every drawn seed counts alike. With one seed
 * this is the paired bootstrap over classes of `bootstrapMeans`.
 * @throws UserError without seeds, or if no query of a seed counts
 */
export function pooledDifference(
  seeds: readonly SeedScores[],
  { seed = 0, resamples = RESAMPLES, ...options }: BootstrapOptions = {},
): PooledDifference {
  const parts = seeds.map(({ set, labels, base, other }) => {
    const { counts, sums } = sumByClass(labels, [base, other]);
    return { set, counts, gains: counts.map((_, place) => sums[1]![place]! - sums[0]![place]!) };
  });
  if (parts.length === 0 || parts.some(({ counts }) => counts.length === 0))
    throw new UserError("No query has an expected image in the index: nothing to resample.");
  const sizes = new Map(parts.map(({ set, counts }) => [set, counts.length]));
  const [seedDraws, classDraws] = [
    randomStream(seed, "bootstrap over seeds"),
    randomStream(seed, "bootstrap over classes"),
  ];
  const samples = Float64Array.from({ length: resamples }, () => {
    const drawn = new Map(
      [...sizes].map(([set, size]) => [
        set,
        Int32Array.from({ length: size }, () => classDraws.integer(0, size - 1)),
      ]),
    );
    const some = parts.length === 1 ? parts : parts.map(() => parts[seedDraws.integer(0, parts.length - 1)]!);
    return mean(some.map((part) => differenceOf(part, drawn.get(part.set)!)));
  });
  const bySeed = parts.map((part) => differenceOf(part, part.counts.keys()));
  return { mean: mean(bySeed), bySeed, ...intervalOf(samples, options) };
}

/** Returns the mean difference over the queries of some classes. */
function differenceOf(
  { counts, gains }: { counts: readonly number[]; gains: readonly number[] },
  classes: Iterable<number>,
): number {
  let [gain, queries] = [0, 0];
  for (const place of classes) {
    gain += gains[place]!;
    queries += counts[place]!;
  }
  return gain / queries;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
