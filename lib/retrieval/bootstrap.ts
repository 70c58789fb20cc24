// Confidence intervals by a bootstrap over classes. Shapes: Q queries, C classes, B resamples.
import { UserError } from "../common/errors";
import { randomStream } from "../common/random";

/** Options of a bootstrap. */
export interface BootstrapOptions {
  seed?: number;
  /** B, the number of resamples. */
  resamples?: number;
  /** Share of the resamples inside an interval. */
  level?: number;
}

/** The two ends of an interval. */
export interface Interval {
  low: number;
  high: number;
}

/** Default number of resamples. */
export const RESAMPLES = 10_000;
const LEVEL = 0.95;

/**
 * Returns means over queries in resamples of the classes, drawn with replacement. A class brings all its queries, since
 * queries of one class succeed and fail together. All lists share the draws: the difference of two lists' means,
 * resample by resample, is a paired bootstrap.
 * @param labels classes of the queries, [Q]
 * @param lists values of the queries, [Q] each; queries that are NaN in the first list are ignored
 * @returns per list, the mean of each resample, [B]
 * @throws UserError if all queries are ignored
 */
export function bootstrapMeans(
  labels: ArrayLike<number>,
  lists: readonly ArrayLike<number>[],
  { seed = 0, resamples = RESAMPLES }: BootstrapOptions = {},
): Float64Array[] {
  const { counts, sums } = sumByClass(labels, lists);
  const classCount = counts.length;
  if (classCount === 0)
    throw new UserError("No query has an expected image in the index: nothing to resample.");
  const random = randomStream(seed, "bootstrap over classes");
  const means = lists.map(() => new Float64Array(resamples));
  const totals = new Float64Array(lists.length);
  for (let resample = 0; resample < resamples; resample++) {
    let queries = 0;
    totals.fill(0);
    for (let draw = 0; draw < classCount; draw++) {
      const drawn = random.integer(0, classCount - 1);
      queries += counts[drawn]!;
      for (let list = 0; list < lists.length; list++) totals[list]! += sums[list]![drawn]!;
    }
    for (let list = 0; list < lists.length; list++) means[list]![resample] = totals[list]! / queries;
  }
  return means;
}

/**
 * Returns the number of counted queries and the sums of their values, per class in the order of its first query.
 * @param lists values of the queries, [Q] each; queries that are NaN in the first list are ignored
 */
export function sumByClass(
  labels: ArrayLike<number>,
  lists: readonly ArrayLike<number>[],
): { counts: number[]; sums: number[][] } {
  const places = new Map<number, number>();
  const counts: number[] = [];
  const sums: number[][] = lists.map(() => []);
  for (let query = 0; query < labels.length; query++) {
    if (Number.isNaN(lists[0]![query])) continue;
    const place = places.get(labels[query]!) ?? places.size;
    places.set(labels[query]!, place);
    counts[place] = (counts[place] ?? 0) + 1;
    for (const [list, values] of lists.entries())
      sums[list]![place] = (sums[list]![place] ?? 0) + values[query]!;
  }
  return { counts, sums };
}

/** Returns the percentile interval, the middle `level` of the resamples. @param samples one value per resample */
export function intervalOf(samples: Float64Array, { level = LEVEL }: BootstrapOptions = {}): Interval {
  const sorted = samples.slice().sort();
  return { low: quantile(sorted, (1 - level) / 2), high: quantile(sorted, (1 + level) / 2) };
}

/** Returns a quantile by linear interpolation between the two nearest sorted values (NumPy's default). */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}
