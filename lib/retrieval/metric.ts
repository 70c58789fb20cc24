// How near two rows are. Shapes: B rows, D numbers of each.
import { UserError } from "../common/errors";

/** Cosine of the angle, or Euclidean distance. For unit vectors both give the same order. */
export type Metric = "cosine" | "euclidean";

/** Rows as they were given, for exact scores. */
export interface ExactRows {
  /** [B, D] */
  data: Float32Array;
  /** [B] their squared lengths, in float64. */
  squares: Float64Array;
}

/**
 * A row's exact score against another, in float64 and always summed in the same order, so that equal rows have equal
 * scores: the cosine, or minus half the squared distance. Greater is nearer.
 * @param a which of `rowsA`
 * @param b which of `rowsB`
 */
export type ExactScore = (rowsA: ExactRows, a: number, rowsB: ExactRows, b: number, length: number) => number;

/** By metric. Numbers are read by their index: a view of each row (`rowOf`) costs a fifth to a half of the time. */
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

/** How far from 1 the squared length of a unit vector of float32 numbers may be. */
const UNIT_TOLERANCE = 1e-6;

/** Rows as the engine scores them: the score of a query is its product with the row, plus the row's bias. */
export interface ScoredRows {
  /** [B, D]: of unit length, or less the centre. */
  data: Float32Array;
  /** [B]: 0, or minus half the squared length. */
  bias: Float32Array;
  /** [B]: the squared length, without the centre. */
  squares: Float64Array;
}

/**
 * Brings rows into the form in which the engine scores them.
 * @param rows [b, D], b <= B
 * @param centre what is taken from every row beforehand, for Euclidean distance: numbers near zero lose least
 * @param into filled in its first b rows
 * @param describe names a row, for the message
 * @returns the length of the longest row
 * @throws UserError naming the first row that holds NaN or Infinity
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

/** Of one row, the `length` numbers from `start` on; in float64. */
export function squaredLength(data: Float32Array, start: number, length: number): number {
  let square = 0;
  for (let i = start; i < start + length; i++) square += data[i]! * data[i]!;
  return square;
}

/** Embeddings are of unit length already, up to float32's rounding, and then stay as they are: most searches are. */
function scaleToUnit(data: Float32Array, start: number, length: number, square: number): void {
  if (square === 0 || Math.abs(square - 1) < UNIT_TOLERANCE) return;
  const scale = 1 / Math.sqrt(square);
  for (let i = start; i < start + length; i++) data[i]! *= scale;
}

function notFinite(row: Float32Array, where: string): UserError {
  const place = row.findIndex((value) => !Number.isFinite(value));
  return new UserError(
    `${where} holds ${row[place]} at place ${place}: it has no neighbours.`,
    "Embed that image again, or leave it out.",
  );
}
