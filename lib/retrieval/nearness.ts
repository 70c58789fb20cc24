// How near two rows are: cosine or Euclidean. Shapes: B rows, D numbers per row.
import { UserError } from "../common/errors";

/** A metric: cosine of the angle, or Euclidean distance. For unit vectors both give the same order. */
export type Metric = "cosine" | "euclidean";

/** Rows as given, for exact scores. */
export interface ExactRows {
  /** [B, D]. */
  data: Float32Array;
  /** [B] Squared lengths, in float64. */
  squares: Float64Array;
}

/**
 * The exact score of two rows: the cosine, or minus half the squared distance; greater is nearer. It is summed in
 * float64 and always in the same order, so that equal rows have equal scores.
 * @param a position in `rowsA`
 * @param b position in `rowsB`
 */
export type ExactScore = (rowsA: ExactRows, a: number, rowsB: ExactRows, b: number, length: number) => number;

/** The exact score of each metric. Views of rows (`rowOf`) would cost a fifth to a half of the time. */
export const EXACT_SCORES: Record<Metric, ExactScore> = {
  cosine: ({ data: dataA, squares: squaresA }, a, { data: dataB, squares: squaresB }, b, length) => {
    let dot = 0;
    for (let i = 0; i < length; i++) dot += dataA[a * length + i]! * dataB[b * length + i]!;
    return dot === 0 ? 0 : dot / Math.sqrt(squaresA[a]! * squaresB[b]!);
  },
  euclidean: ({ data: dataA }, a, { data: dataB }, b, length) => {
    let square = 0;
    for (let i = 0; i < length; i++) square += (dataA[a * length + i]! - dataB[b * length + i]!) ** 2;
    return -square / 2;
  },
};

/** Largest deviation from 1 of the squared length of a unit vector in float32. */
const UNIT_TOLERANCE = 1e-6;

/** Rows in the engine's form: a query's score is its product with the row plus the row's bias. */
export interface ScoredRows {
  /** [B, D] Cosine: scaled to unit length; Euclidean: the centre subtracted. */
  data: Float32Array;
  /** [B] 0, or minus half the squared length. */
  bias: Float32Array;
  /** [B] Squared length before the centre is subtracted. */
  squares: Float64Array;
}

/**
 * Converts rows into the engine's form.
 * @param rows [b, D], b <= B
 * @param centre subtracted from every row first, for Euclidean distance: numbers near zero lose least precision
 * @param into receives the result in its first b rows
 * @param describe returns a row's name for the error message
 * @returns the length of the longest row
 * @throws UserError naming the first row with NaN or Infinity
 */
export function scoreRows(
  metric: Metric,
  rows: Float32Array,
  centre: Float32Array,
  into: ScoredRows,
  describe: (row: number) => string,
): number {
  const length = centre.length;
  let largest = 0;
  into.data.set(rows);
  if (metric === "euclidean") for (let i = 0; i < rows.length; i++) into.data[i]! -= centre[i % length]!;
  for (let row = 0; row < rows.length / length; row++) {
    const start = row * length;
    const square = squaredLength(into.data, start, length);
    if (!Number.isFinite(square)) throw notFinite(rows.subarray(start, start + length), describe(row));
    into.squares[row] = square;
    if (metric === "cosine") scaleToUnit(into.data, start, length, square);
    into.bias[row] = metric === "cosine" ? 0 : -square / 2;
    largest = Math.max(largest, metric === "cosine" ? 1 : Math.sqrt(square));
  }
  return largest;
}

/** Returns the squared length of the row of `length` numbers from `start` on, in float64. */
export function squaredLength(data: Float32Array, start: number, length: number): number {
  let square = 0;
  for (let i = start; i < start + length; i++) square += data[i]! * data[i]!;
  return square;
}

/** Scales a row to unit length; embeddings, which have unit length up to float32's rounding, stay unchanged. */
function scaleToUnit(data: Float32Array, start: number, length: number, square: number): void {
  if (square === 0 || Math.abs(square - 1) < UNIT_TOLERANCE) return;
  const scale = 1 / Math.sqrt(square);
  for (let i = start; i < start + length; i++) data[i]! *= scale;
}

function notFinite(row: Float32Array, where: string): UserError {
  const place = row.findIndex((value) => !Number.isFinite(value));
  return new UserError(
    `${where} holds ${row[place]} at place ${place}; such a row has no neighbours.`,
    "Embed that image again, or leave it out.",
  );
}
