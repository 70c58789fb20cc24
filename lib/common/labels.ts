// Picks the labels of some rows; refuses rows without one.
import { UserError } from "./errors";

/**
 * Picks the classes of some rows: [n]. A class is a whole number from 0.
 * @param labels [N]
 * @param rows positions within `labels`, [n]
 * @throws UserError for a row without a class, which would otherwise become class 0
 */
export function pickLabels(labels: ArrayLike<number>, rows: ArrayLike<number>): Int32Array {
  const picked = new Int32Array(rows.length);
  for (let i = 0; i < picked.length; i++) {
    const label = labels[rows[i]!];
    if (label === undefined) {
      throw new UserError(
        `Expected a class for each row: row ${rows[i]} is past the ${labels.length} classes that are given.`,
        "Images and classes must be lists of the same length.",
      );
    }
    picked[i] = label;
  }
  return picked;
}

/** Returns the whole numbers from `start` to `end` (exclusive): [end - start]. */
export function rowRange(start: number, end: number): Int32Array {
  return Int32Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i);
}
