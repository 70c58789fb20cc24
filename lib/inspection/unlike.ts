// Photos unlike all others, and classes that are probably two. Shapes: N images, D numbers per image.
import { randomStream } from "../common/random";
import { rowOf, type Vectors } from "../common/vectors";

/** A photo that is unlike all others. */
export interface Outlier {
  row: number;
  /** Mean cosine with its three nearest photos. */
  nearness: number;
  /** Distance from the median of all photos, in standard deviations as a normal distribution would have them. */
  deviations: number;
}

const LEAST_DEVIATIONS = 3;
/** Standard deviation of a normal distribution, in median absolute deviations. */
const DEVIATIONS_PER_MAD = 1.4826;

/** Returns the photos whose nearness to others is far below the median, the farthest first. @param nearness [N] */
export function findOutliers(nearness: Float64Array): Outlier[] {
  const known = nearness.filter((value) => !Number.isNaN(value));
  const middle = median(known);
  const spread = DEVIATIONS_PER_MAD * median(known.map((value) => Math.abs(value - middle)));
  if (!(spread > 0)) return [];
  const found: Outlier[] = [];
  for (const [row, value] of nearness.entries()) {
    const deviations = (middle - value) / spread;
    if (deviations >= LEAST_DEVIATIONS) found.push({ row, nearness: value, deviations });
  }
  return found.sort((a, b) => b.deviations - a.deviations || a.row - b.row);
}

function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  const half = sorted.length / 2;
  return sorted.length === 0 ? Number.NaN : (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}

/** A class whose photos form two groups far from each other. */
export interface SplitClass {
  label: number;
  /** Mean over its photos: cosine with the centre of their group less cosine with the other group's. */
  gap: number;
  /** Rows of the two groups, the larger first. */
  groups: [number[], number[]];
}

/** Fewer photos than this are no group. */
const LEAST_GROUP = 3;
const ROUNDS = 20;
const STARTS = 6;
/** The head of the ranking that is listed: a third of the classes, at most twelve. The gap is a hint, not a proof. */
const MOST_SPLIT = { share: 1 / 3, classes: 12 };

/**
 * Divides the photos of every class into two groups by their directions (2-means), and ranks the classes by the gap: the
 * widest first, and only the head of the ranking. Every class has some gap: no value of it says that a class is two. Photos from two places or days form groups, too: a person must look.
 * @param unit vectors of unit length, [N, D]
 */
export function findSplitClasses(unit: Vectors, labels: ArrayLike<number>, classes: number): SplitClass[] {
  const members = Array.from({ length: classes }, (): number[] => []);
  for (let row = 0; row < unit.count; row++) members[labels[row]!]!.push(row);
  const found = members.flatMap((rows, label) => {
    const split = rows.length < 2 * LEAST_GROUP ? undefined : splitRows(unit, rows, label);
    return split ? [{ label, ...split }] : [];
  });
  const most = Math.min(MOST_SPLIT.classes, Math.max(1, Math.round(MOST_SPLIT.share * classes)));
  return found.sort((a, b) => b.gap - a.gap || a.label - b.label).slice(0, most);
}

function splitRows(
  unit: Vectors,
  rows: readonly number[],
  label: number,
): Omit<SplitClass, "label"> | undefined {
  let best: { gap: number; sides: boolean[] } | undefined;
  for (let start = 0; start < STARTS; start++) {
    const [first, second] = randomStream(0, "two groups", label, start).shuffle(rows);
    const sides = twoMeans(unit, rows, [first!, second!]);
    if (sides && (!best || sides.gap > best.gap)) best = sides;
  }
  if (!best) return undefined;
  const { sides, gap } = best;
  const groups = [true, false].map((side) => rows.filter((_, i) => sides[i] === side)) as [
    number[],
    number[],
  ];
  groups.sort((a, b) => b.length - a.length);
  return groups[1].length < LEAST_GROUP ? undefined : { gap, groups };
}

/** Divides rows by two centres, which begin at two of them; undefined if one group is empty. */
function twoMeans(
  unit: Vectors,
  rows: readonly number[],
  start: readonly [number, number],
): { gap: number; sides: boolean[] } | undefined {
  let centres = start.map((row) => Float64Array.from(rowOf(unit, row))) as [Float64Array, Float64Array];
  let sides: boolean[] = [];
  let gap = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const leads = rows.map((row) => {
      const vector = rowOf(unit, row);
      return cosine(vector, centres[0]) - cosine(vector, centres[1]);
    });
    const next = leads.map((lead) => lead >= 0);
    if (next.every((side) => side === next[0])) return undefined;
    gap = leads.reduce((sum, lead) => sum + Math.abs(lead), 0) / rows.length;
    if (next.every((side, i) => side === sides[i])) break;
    sides = next;
    centres = [true, false].map((side) =>
      sumOf(
        unit,
        rows.filter((_, i) => next[i] === side),
      ),
    ) as [Float64Array, Float64Array];
  }
  return { gap, sides };
}

function sumOf(unit: Vectors, rows: readonly number[]): Float64Array {
  const sum = new Float64Array(unit.length);
  for (const row of rows) for (const [i, value] of rowOf(unit, row).entries()) sum[i]! += value;
  return sum;
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [product, squares] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    squares += b[i]! * b[i]!;
  }
  return product / Math.sqrt(Math.max(squares, 1e-24)); // a has unit length
}
