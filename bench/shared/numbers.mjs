// Statistics of measured rounds.
import { quantile as quantileOfSorted } from "guie/dist/retrieval/bootstrap.js";

/** Returns the number below which this share of some numbers lies, interpolated between neighbours. */
export function quantile(numbers, share) {
  return quantileOfSorted(
    [...numbers].sort((a, b) => a - b),
    share,
  );
}

/** Returns the median. */
export function median(numbers) {
  return quantile(numbers, 0.5);
}

/** Returns the first and third quartile: half of the rounds lie between them. */
export function quartiles(numbers) {
  return [quantile(numbers, 0.25), quantile(numbers, 0.75)];
}

/** Returns a number with four digits; null if it is unknown. */
export function rounded(value) {
  return value === undefined || value === null ? null : Number(value.toPrecision(4));
}
