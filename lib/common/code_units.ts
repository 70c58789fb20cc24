// Order of texts by code unit, the same on every machine.

/** Compares two texts by code unit, not by locale; for `sort`. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
