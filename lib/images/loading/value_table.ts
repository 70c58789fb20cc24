// Tables that map a pixel's value to itself, or to a model's input value.

/** Array of pixels: bytes, or normalised numbers. */
export type Values = Uint8Array | Float32Array;

/**
 * Table of new values for a pixel's values: 256 for red, then 256 for green and 256 for blue. It is one array because
 * three arrays double the time of a loop that reads them.
 */
export type ValueTable<V extends Values> = V;

/** Offset of green in a table. */
export const GREENS = 256;
/** Offset of blue in a table. */
export const BLUES = 512;

/** Channel statistics of a tower's input, for pixels in 0..1. */
export interface Normalisation {
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
}

/** Returns the table that keeps every value. */
export function plainTable(): ValueTable<Uint8Array> {
  return Uint8Array.from({ length: 3 * 256 }, (_, i) => i % 256);
}

/** Returns the table of (x/255 - mean)/std, float32. */
export function normalisedTable({ mean, std }: Normalisation): ValueTable<Float32Array> {
  const table = new Float32Array(3 * 256);
  for (let i = 0; i < table.length; i++) table[i] = ((i & 255) / 255 - mean[i >> 8]!) / std[i >> 8]!;
  return table;
}

/** Returns the table that applies `first`, 256 bytes for all channels, and then `table`. */
export function composeTables<V extends Values>(first: Uint8Array, table: ValueTable<V>): ValueTable<V> {
  const changed = table.slice() as V;
  for (let i = 0; i < table.length; i++) changed[i] = table[(i & ~255) + first[i & 255]!]!;
  return changed;
}

/** Makes the pixels of `result` from index `from` to before index `to` black. */
export function fillBlack<V extends Values>(table: ValueTable<V>, result: V, from: number, to: number): void {
  const [red, green, blue] = [table[0]!, table[GREENS]!, table[BLUES]!];
  for (let i = from; i < to; i += 3) {
    result[i] = red;
    result[i + 1] = green;
    result[i + 2] = blue;
  }
}
