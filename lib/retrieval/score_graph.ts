// The engine's part of an exact search, a traced graph. Shapes: q queries, B rows of the index, D numbers per row,
// k results per query, t queries per tile, S rows per slab, g rows per group, n groups found.

import { tf } from "../engine/native/tf";
import { type TracedFunction, trace } from "../engine/program/traced_function";
import { castTo } from "../engine/tracing/cast";
import { after } from "../engine/tracing/order";
import { rawOp } from "../engine/tracing/raw_op";

/** Sizes of a score graph. */
export interface ScoreGraphShape {
  /** A multiple of `tile`. */
  queries: number;
  /** t, the number of queries that are scored at once against a slab: tile x slab scores are in memory. */
  tile: number;
  /** A multiple of `group`. */
  rows: number;
  /** A multiple of `group`. */
  slab: number;
  group: number;
  length: number;
  /** k, the number of results per query. */
  depth: number;
  /** True if rows have a bias, which is a further input. */
  biased: boolean;
  /** True for the first block, whose slabs themselves raise the least score; slack is a further input. */
  first: boolean;
}

/** Groups of rows with a score that is good enough. */
type Groups = {
  /** int64 [n, 2] Query in the run, and group in the block. */
  places: tf.Tensor;
  /** [n, g]. */
  scores: tf.Tensor;
};

/** The m scores that are good enough. */
type Found = {
  /** [m] Query in the run. */
  queries: tf.Tensor;
  /** [m] Row in the block. */
  rows: tf.Tensor;
  /** [m]. */
  scores: tf.Tensor;
};

/**
 * The graph: queries [q, D], rows [B, D], bias [B], least score [q, 1], slack [] -> all scores from the least one on.
 * Slack is the largest shift of two scores against each other by rounding.
 */
export type ScoreGraph = TracedFunction<string, Found>;

/** Returns the first row of each slab of a block, and its number of rows. */
function slabsOf({ rows, slab }: Pick<ScoreGraphShape, "rows" | "slab">): [number, number][] {
  const starts = Array.from({ length: Math.ceil(rows / slab) }, (_, i) => i * slab);
  return starts.map((start) => [start, Math.min(slab, rows - start)]);
}

/**
 * Traces the search of one block of the index. It computes the best score of each group of rows first, then inspects
 * only groups whose best score is good enough. In a first block, good enough means as good as the k-th best group so
 * far: k groups have a row that is no worse.
 *
 * Slabs run one after the other, one operation at a time: two would not use the cores better, and would fill the
 * processor's cache with twice the scores.
 */
function scoreGraph(shape: ScoreGraphShape): ScoreGraph {
  const { queries, tile, rows, length, depth, biased, first: isFirst } = shape;
  const inputs = {
    queries: { shape: [queries, length] },
    rows: { shape: [rows, length] },
    ...(biased ? { bias: { shape: [rows] } } : {}),
    least: { shape: [queries, 1] },
    ...(isFirst ? { slack: { shape: [] } } : {}),
  };
  const body = (fed: Readonly<Record<string, tf.Tensor>>) => {
    const found: Groups[] = [];
    const leasts: tf.Tensor[] = [];
    for (let start = 0; start < queries; start += tile) {
      const part = tf.slice(fed.queries!, [start, 0], [tile, length]) as tf.Tensor2D;
      let least = tf.slice(fed.least!, [start, 0], [tile, 1]);
      let top: tf.Tensor | undefined;
      for (const [first, count] of slabsOf(shape)) {
        const ended = found.slice(-1).map(({ scores }) => scores);
        const slab = tf.slice(fed.rows!, [first, 0], [count, length]) as tf.Tensor2D;
        const product = tf.matMul(after(part, ended), slab, false, true);
        const scores = biased ? tf.add(product, tf.slice(fed.bias!, [first], [count])) : product;
        const best = tf.max(tf.reshape(scores, [tile, count / shape.group, shape.group]), 2);
        if (isFirst) {
          top = topOf(top ? tf.concat([top, best], 1) : best, depth);
          least = raised(least, top, depth, fed.slack!);
        }
        found.push(groupsFrom(scores, best, least, [start, first / shape.group]));
      }
      leasts.push(least);
    }
    const all = (name: keyof Groups) => joined(found.map((groups) => groups[name]));
    return scoresIn({ places: all("places"), scores: all("scores") }, joined(leasts), shape.group);
  };
  return trace(body, inputs, { interOpThreads: 1 });
}

/** Concatenates tensors whose lengths are known only at run time. */
function joined(parts: readonly tf.Tensor[]): tf.Tensor {
  return parts.length === 1 ? parts[0]! : rawOp("ConcatV2", [...parts, tf.scalar(0, "int32")])[0]!;
}

/** Graphs of finished searches, for others of the same shape: tracing one takes as long as searching 10,000 rows. */
const idle = new Map<string, ScoreGraph>();
const KEPT_GRAPHS = 4;

/** Returns a graph of that shape; no other search gets it until it is given back. */
export function takeScoreGraph(shape: ScoreGraphShape): ScoreGraph {
  const key = JSON.stringify(shape);
  const graph = idle.get(key) ?? scoreGraph(shape);
  idle.delete(key);
  return graph;
}

/** Keeps a graph for later searches; disposes of the oldest ones if there are too many. */
export function giveBackScoreGraph(shape: ScoreGraphShape, graph: ScoreGraph): void {
  const key = JSON.stringify(shape);
  idle.get(key)?.dispose();
  idle.delete(key);
  idle.set(key, graph);
  for (const [oldest, { dispose }] of idle) {
    if (idle.size <= KEPT_GRAPHS) break;
    dispose();
    idle.delete(oldest);
  }
}

/** Returns the k largest of each line, or all if there are fewer, unsorted: sorting would take longest. */
function topOf(lines: tf.Tensor, k: number): tf.Tensor {
  const depth = tf.scalar(Math.min(k, lines.shape[1]!), "int32");
  return rawOp("TopKV2", [lines, depth], { sorted: false })[0]!;
}

/** Returns the least wanted score, [t, 1], given the scores of the best groups, [t, k or fewer]. */
function raised(least: tf.Tensor, top: tf.Tensor, depth: number, slack: tf.Tensor): tf.Tensor {
  return top.shape[1]! < depth ? least : tf.maximum(least, tf.sub(tf.min(top, 1, true), slack));
}

/**
 * Returns the groups of [t, S] whose best score, [t, S / g], is good enough.
 * @param corner the first query and the first group
 */
function groupsFrom(scores: tf.Tensor, best: tf.Tensor, least: tf.Tensor, corner: number[]): Groups {
  const [tile, groups] = best.shape as [number, number];
  const [places] = rawOp("Where", [tf.greaterEqual(best, least)]);
  const grouped = tf.reshape(scores, [tile, groups, scores.size / best.size]);
  const first = castTo(tf.tensor1d(corner, "int32"), "int64");
  return {
    places: rawOp("AddV2", [places!, first])[0]!,
    scores: gatherAt(tf.reshape(grouped, [tile * groups, -1]), places!, groups),
  };
}

/** Returns the elements at places [n, 2] of a flattened table with that many columns. GatherNd has no GPU kernel. */
function gatherAt(flat: tf.Tensor, places: tf.Tensor, columns: number): tf.Tensor {
  const [lines, at] = rawOp("Unpack", [places], { axis: 1, num: 2 }) as [tf.Tensor, tf.Tensor];
  const [starts] = rawOp("Mul", [lines, castTo(tf.scalar(columns, "int32"), "int64")]);
  const [index] = rawOp("AddV2", [starts!, at]);
  return rawOp("GatherV2", [flat, index!, tf.scalar(0, "int32")])[0]!;
}

/** Returns the scores in groups that are good enough. Only a run knows their number, so it uses raw operations. */
function scoresIn({ places, scores }: Groups, least: tf.Tensor, group: number): Found {
  const take = (values: tf.Tensor, at: tf.Tensor) =>
    rawOp("GatherV2", [values, at, tf.scalar(0, "int32")])[0]!;
  const columns = (pairs: tf.Tensor) =>
    rawOp("Unpack", [castTo(pairs, "int32")], { axis: 1, num: 2 }) as [tf.Tensor, tf.Tensor];
  const [queries, groups] = columns(places);
  const [wanted] = rawOp("GreaterEqual", [scores, take(least, queries)]);
  const [at] = rawOp("Where", [wanted!]);
  const [lines, offsets] = columns(at!);
  const [starts] = rawOp("Mul", [take(groups, lines), tf.scalar(group, "int32")]);
  return {
    queries: take(queries, lines),
    rows: rawOp("AddV2", [starts!, offsets])[0]!,
    scores: gatherAt(rawOp("Reshape", [scores, tf.tensor1d([-1], "int32")])[0]!, at!, group),
  };
}
