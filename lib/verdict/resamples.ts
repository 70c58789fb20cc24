// Resamples of classes, drawn with replacement: a class brings all its queries. Shapes: Q queries, C classes.
import { randomStream } from "../common/random";

/** Classes of queries, numbered from 0 as they come. */
export interface Groups {
  /** The number of each query's class, [Q]. */
  groupOf: Int32Array;
  /** C. */
  count: number;
}

/** Numbers the classes of queries. */
export function groupsOf(labels: ArrayLike<number>): Groups {
  const numbers = new Map<number, number>();
  const groupOf = Int32Array.from(labels, (label) => {
    if (!numbers.has(label)) numbers.set(label, numbers.size);
    return numbers.get(label)!;
  });
  return { groupOf, count: numbers.size };
}

/**
 * Computes a statistic in resamples of the classes.
 * @param statistic of weights of the queries, [Q]: how often each is in the resample; the array is used again
 * @returns its value in each resample
 */
export function overResamples(
  { groupOf, count }: Groups,
  resamples: number,
  seed: number,
  statistic: (weights: Float64Array) => number,
): Float64Array {
  const random = randomStream(seed, "bootstrap over classes");
  const weights = new Float64Array(groupOf.length);
  return Float64Array.from({ length: resamples }, () => {
    const drawn = new Int32Array(count);
    for (let draw = 0; draw < count; draw++) drawn[random.integer(0, count - 1)]!++;
    for (let query = 0; query < weights.length; query++) weights[query] = drawn[groupOf[query]!]!;
    return statistic(weights);
  });
}
