// How time and memory grow with the rows: exponents between measured multiples.

/** An exponent above this is worse than linear, beyond what the measurement's noise explains. */
const LINEAR = 1.1;

/**
 * Returns the exponent between two points: log(y2 / y1) / log(x2 / x1); 1 is linear.
 * @param {{ scale: number, value: number }} low
 * @param {{ scale: number, value: number }} high
 */
export function exponent(low, high) {
  return Math.log(high.value / low.value) / Math.log(high.scale / low.scale);
}

/**
 * Returns the exponents between neighbouring multiples, and whether the last is worse than linear.
 * @param {{ scale: number, value: number }[]} points
 */
export function growthOf(points) {
  const sorted = [...points].sort((a, b) => a.scale - b.scale);
  const exponents = sorted.slice(1).map((point, i) => exponent(sorted[i], point));
  return { exponents, isWorse: exponents.length > 0 && exponents.at(-1) > LINEAR };
}
