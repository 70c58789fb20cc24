// Nearness of every image to every class. Shapes: N images, D numbers per image, C classes, R images per block.
import { checkInterrupt } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import { pickRows, sliceRows, type Vectors } from "../common/vectors";
import { tf } from "../engine/native/tf";

/** An image is as near to a class as the mean cosine of this many nearest images of the class. */
const NEAREST = 3;
const ROWS_PER_BLOCK = 256;

/** The nearness of one image to all classes. */
export interface RowNearness {
  row: number;
  /** [C] mean cosines; NaN for a class without another image. Valid until the next call. */
  classes: Float64Array;
  /** Largest mean cosine of the image's `NEAREST` nearest images of any class. */
  any: number;
}

/**
 * Calls `take` for every image with its nearness to every class: the mean cosine of the three nearest images of the
 * class, itself left out.
 * @param unit rows of unit length, [N, D]
 * @param labels class of every image, 0 .. C - 1, [N]
 */
export async function eachNearness(
  unit: Vectors,
  labels: ArrayLike<number>,
  classes: number,
  take: (nearness: RowNearness) => void,
  onProgress?: OnProgress,
): Promise<void> {
  const order = Int32Array.from({ length: unit.count }, (_, row) => row).sort(
    (a, b) => labels[a]! - labels[b]! || a - b,
  );
  const ends = classEnds(order, labels, classes);
  const sorted = tf.tensor2d(pickRows(unit, order).data, [unit.count, unit.length]);
  const scores = new Float64Array(classes);
  try {
    for (let start = 0; start < unit.count; start += ROWS_PER_BLOCK) {
      await checkInterrupt();
      const { data, count } = sliceRows(unit, start, start + ROWS_PER_BLOCK);
      const cosines = await cosinesOf(data, count, sorted);
      for (let i = 0; i < count; i++) {
        const row = cosines.subarray(i * unit.count, (i + 1) * unit.count);
        take({ row: start + i, classes: scores, any: rowNearness(row, start + i, order, ends, scores) });
      }
      onProgress?.({ stage: "labels", done: start + count, total: unit.count, unit: "images" });
    }
  } finally {
    sorted.dispose();
  }
}

/** Returns the end of each class in the sorted rows. */
function classEnds(order: Int32Array, labels: ArrayLike<number>, classes: number): Int32Array {
  const ends = new Int32Array(classes);
  for (const row of order) ends[labels[row]!]!++;
  for (let c = 1; c < classes; c++) ends[c]! += ends[c - 1]!;
  return ends;
}

async function cosinesOf(data: Float32Array, count: number, sorted: tf.Tensor2D): Promise<Float32Array> {
  const product = tf.tidy(() => tf.matMul(tf.tensor2d(data, [count, sorted.shape[1]]), sorted, false, true));
  try {
    return (await product.data()) as Float32Array;
  } finally {
    product.dispose();
  }
}

/** Fills `scores` [C] from an image's cosines [N], sorted by class. @returns the nearness to images of any class */
function rowNearness(
  cosines: Float32Array,
  own: number,
  order: Int32Array,
  ends: Int32Array,
  scores: Float64Array,
): number {
  const [overall, ofClass] = [new Float64Array(NEAREST), new Float64Array(NEAREST)];
  overall.fill(Number.NEGATIVE_INFINITY);
  for (let c = 0, at = 0; c < ends.length; c++) {
    ofClass.fill(Number.NEGATIVE_INFINITY);
    for (; at < ends[c]!; at++) if (order[at] !== own) insert(ofClass, cosines[at]!);
    scores[c] = meanOfFound(ofClass);
    for (const value of ofClass) insert(overall, value);
  }
  return meanOfFound(overall);
}

/** Inserts a value into a descending list, whose last value it pushes out. */
function insert(list: Float64Array, value: number): void {
  let at = list.length - 1;
  if (value <= list[at]!) return;
  for (; at > 0 && list[at - 1]! < value; at--) list[at] = list[at - 1]!;
  list[at] = value;
}

function meanOfFound(list: Float64Array): number {
  let [sum, count] = [0, 0];
  for (const value of list) {
    if (value === Number.NEGATIVE_INFINITY) break;
    sum += value;
    count++;
  }
  return count === 0 ? Number.NaN : sum / count;
}
