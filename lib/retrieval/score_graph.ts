// The engine's part of an exact search. Shapes: q queries, B rows of the index, D numbers of each, k results,
// g rows of a group.
import { after } from "../tensorflow/order";
import { rawOp } from "../tensorflow/raw_op";
import { tf } from "../tensorflow/tf";
import { type TracedFunction, trace } from "../tensorflow/trace";

/** Sizes of a score graph. */
export interface ScoreGraphShape {
  /** A multiple of `tile`. */
  queries: number;
  /** How many queries are scored at once: tile x rows scores are in memory. */
  tile: number;
  rows: number;
  length: number;
  /** How many rows of the index each query gets, k <= rows. */
  depth: number;
  /** Whether rows have a bias, the third input. */
  biased: boolean;
}

/** Queries [q, D], rows [B, D] and bias [B] -> the k best scores of every query and the positions of their rows. */
export type ScoreGraph = TracedFunction<string, Best>;

/** Rows of a group are a power of two between these. */
const [SMALLEST_GROUP, LARGEST_GROUP] = [8, 128];

/**
 * How many rows stand in a group of which the best score is found first. With half as many groups as there are rows in
 * the k groups that are looked at afterwards, least time goes by. `rows` is to be a multiple of it.
 */
export function groupSize(rows: number, depth: number): number {
  const power = 2 ** Math.round(Math.log2(Math.sqrt((2 * rows) / depth)));
  return Math.min(LARGEST_GROUP, Math.max(SMALLEST_GROUP, power));
}

/**
 * Traces the search of one block of the index. The k best rows lie in the k groups whose best scores are the best:
 * every other group has k rows before its best one. Among equal scores the lower position comes first, since groups
 * are looked at in the order of their rows and TensorFlow's TopKV2 keeps that order.
 *
 * One tile of the queries after the other, one operation at a time: two would use the cores no better, and fill the
 * processor's cache with twice the scores.
 */
export function scoreGraph({ queries, tile, rows, length, depth, biased }: ScoreGraphShape): ScoreGraph {
  const inputs = {
    queries: { shape: [queries, length] },
    rows: { shape: [rows, length] },
    ...(biased ? { bias: { shape: [rows] } } : {}),
  };
  const body = (fed: Readonly<Record<string, tf.Tensor>>) => {
    const tiles: Best[] = [];
    for (let start = 0; start < queries; start += tile) {
      const ended = tiles.slice(-1).map(({ scores }) => scores);
      const part = after(tf.slice(fed.queries!, [start, 0], [tile, length]) as tf.Tensor2D, ended);
      const product = tf.matMul(part, fed.rows as tf.Tensor2D, false, true);
      const scores = biased ? tf.add(product, fed.bias!) : product;
      tiles.push(bestRows(scores, depth));
    }
    const joined = (name: keyof Best) => tf.concat(tiles.map((best) => best[name]));
    return { scores: joined("scores"), positions: joined("positions") };
  };
  return trace(body, inputs, { interOpThreads: 1 });
}

// a type, not an interface: only a type is a record of tensors, as traced functions return them
export type Best = { scores: tf.Tensor; positions: tf.Tensor };

/** The k largest of every line of [q, n], largest first, and where they stand. */
export function best(values: tf.Tensor, k: number): Best {
  const [scores, positions] = rawOp("TopKV2", [values, tf.scalar(k, "int32")], { sorted: true });
  return { scores: scores!, positions: positions! };
}

/** The k best rows of every query from the scores of all, [q, B]. */
function bestRows(scores: tf.Tensor, k: number): Best {
  const [queries, rows] = scores.shape as [number, number];
  const group = groupSize(rows, k);
  if (rows / group <= k) return best(scores, k);
  const grouped = tf.reshape(scores, [queries, rows / group, group]);
  const groups = ascending(best(tf.max(grouped, 2), k).positions, k);
  const candidates = best(tf.reshape(take(grouped, groups), [queries, k * group]), k);
  const size = tf.scalar(group, "int32");
  const place = tf.floorDiv(candidates.positions, size);
  const offset = tf.sub(candidates.positions, tf.mul(place, size));
  return { scores: candidates.scores, positions: tf.add(tf.mul(take(groups, place), size), offset) };
}

function ascending(numbers: tf.Tensor, count: number): tf.Tensor {
  return tf.neg(best(tf.neg(numbers), count).scores);
}

/** Of every line, what stands at its indices: [q, n, ...] and [q, k] -> [q, k, ...]. */
function take(lines: tf.Tensor, indices: tf.Tensor): tf.Tensor {
  return rawOp("GatherV2", [lines, indices, tf.scalar(1, "int32")], { batch_dims: 1 })[0]!;
}
