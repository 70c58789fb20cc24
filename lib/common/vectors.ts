// Rows of equal length in one flat array, and whatever needs the place of a row in it. Shapes: N rows, F numbers each.

/** Arrays that rows may stand in. */
export type FlatArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Rows of equal length in one flat array. */
export interface Vectors<Data extends FlatArray = Float32Array> {
  /** [count, length], row by row. */
  data: Data;
  count: number;
  length: number;
}

/** Returns the number of elements of a tensor; 1 of a scalar, []. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Returns rows of zeros, [count, length]. */
export function zeroVectors(count: number, length: number): Vectors {
  return { data: new Float32Array(count * length), count, length };
}

/** Returns a flat array as `count` rows, in the same memory. */
export function rowsIn<Data extends FlatArray>(data: Data, count: number): Vectors<Data> {
  return { data, count, length: data.length / count };
}

/** Returns one row, [F], in the same memory. */
export function rowOf<Data extends FlatArray>(
  { data, length }: Pick<Vectors<Data>, "data" | "length">,
  row: number,
): Data {
  return data.subarray(row * length, (row + 1) * length) as Data;
}

/** Returns every row, [N][F], in the same memory. */
export function listRows<Data extends FlatArray>(vectors: Vectors<Data>): Data[] {
  return Array.from({ length: vectors.count }, (_, row) => rowOf(vectors, row));
}

/** Returns the rows from `start` to `end` (exclusive, at most N), in the same memory. */
export function sliceRows({ data, count, length }: Vectors, start: number, end = count): Vectors {
  const last = Math.min(end, count);
  return { data: data.subarray(start * length, last * length), count: last - start, length };
}

/**
 * Copies some rows, in the order of `rows`.
 * @throws RangeError for a row that there is not
 */
export function pickRows({ data, count, length }: Vectors, rows: ArrayLike<number>): Vectors {
  const picked = zeroVectors(rows.length, length);
  for (let i = 0; i < rows.length; i++) {
    if (!(rows[i]! < count)) throw new RangeError(`There are ${count} rows; row ${rows[i]} was asked for.`);
    setRows(picked, i, rowOf({ data, length }, rows[i]!));
  }
  return picked;
}

/** Overwrites the rows from `row` on. @param values [n, F], flat */
export function setRows(
  { data, length }: Pick<Vectors<FlatArray>, "data" | "length">,
  row: number,
  values: ArrayLike<number>,
): void {
  data.set(values, row * length);
}

/** Copies arrays of equal length to rows. @param length F, which no rows cannot tell */
export function stackRows(rows: readonly ArrayLike<number>[], length: number): Vectors {
  const stacked = zeroVectors(rows.length, length);
  for (const [i, row] of rows.entries()) setRows(stacked, i, row);
  return stacked;
}

/** Copies several parts to one, the rows of the first one first. A single part is returned as it is. */
export function joinRows(parts: readonly Vectors[], length: number): Vectors {
  if (parts.length === 1) return parts[0]!;
  const joined = zeroVectors(
    parts.reduce((sum, { count }) => sum + count, 0),
    length,
  );
  let row = 0;
  for (const { data, count } of parts) {
    setRows(joined, row, data);
    row += count;
  }
  return joined;
}
