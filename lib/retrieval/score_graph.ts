// The engine's part of an exact search. Shapes: q queries, B rows of the index, D numbers of each, k results wanted,
// t queries of a tile, S rows of a slab, g rows of a group, n groups that are found.

import { tf } from "../engine/native/tf";
import { type TracedFunction, trace } from "../engine/program/trace";
import { castTo } from "../engine/tracing/cast";
import { after } from "../engine/tracing/order";
import { rawOp } from "../engine/tracing/raw_op";

/** Sizes of a score graph. */
export interface ScoreGraphShape {
  /** A multiple of `tile`. */
  queries: number;
  /** How many queries are scored at once, against a slab: tile x slab scores are in memory. */
  tile: number;
  /** A multiple of `group`. */
  rows: number;
  /** A multiple of `group`. */
  slab: number;
  group: number;
  length: number;
  /** How many rows of the index each query gets. */
  depth: number;
  /** Whether rows have a bias, an input of its own. */
  biased: boolean;
  /** Whether the slabs themselves say what is good enough, when nothing or little is known of it: another input. */
  first: boolean;
}

/** Groups of rows that hold a score good enough. */
type Groups = {
  /** int64 [n, 2] Which query of the run, and which group of the block. */
  places: tf.Tensor;
  /** [n, g] */
  scores: tf.Tensor;
};

/** Scores good enough, m of them. */
type Found = {
  /** [m] Which query of the run. */
  queries: tf.Tensor;
  /** [m] Which row of the block. */
  rows: tf.Tensor;
  /** [m] */
  scores: tf.Tensor;
};

/**
 * Queries [q, D], rows [B, D], bias [B], the least score that is wanted [q, 1], slack [] -> all such scores. Slack is
 * how much rounding may shift two scores against each other.
 */
export type ScoreGraph = TracedFunction<string, Found>;

/** Where the slabs of a block begin, and how many rows each has. */
function slabsOf({ rows, slab }: Pick<ScoreGraphShape, "rows" | "slab">): [number, number][] {
  const starts = Array.from({ length: Math.ceil(rows / slab) }, (_, i) => i * slab);
  return starts.map((start) => [start, Math.min(slab, rows - start)]);
}

/**
 * Traces the search of one block of the index. Of every group of rows the best score is found first; only groups whose
 * best one is good enough are looked at. Of a first block, what reaches the k-th best group so far is good enough: k
 * groups have a row that is no worse.
 *
 * One slab after the other, one operation at a time: two would use the cores no better, and fill the processor's cache
 * with twice the scores.
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

/** What lies one behind the other, of lengths that only a run knows. */
function joined(parts: readonly tf.Tensor[]): tf.Tensor {
  return parts.length === 1 ? parts[0]! : rawOp("ConcatV2", [...parts, tf.scalar(0, "int32")])[0]!;
}

/** Graphs of searches that are over, for others of the same shape: building one takes as long as 10,000 rows. */
const idle = new Map<string, ScoreGraph>();
const KEPT_GRAPHS = 4;

/** A graph of that shape, which nobody else gets until it is given back. */
export function takeScoreGraph(shape: ScoreGraphShape): ScoreGraph {
  const key = JSON.stringify(shape);
  const graph = idle.get(key) ?? scoreGraph(shape);
  idle.delete(key);
  return graph;
}

/** Keeps the graph for another search, unless there are enough others. */
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

/** The k largest of every line, or as many as there are, in no order: sorting them would take longest. */
function topOf(lines: tf.Tensor, k: number): tf.Tensor {
  const depth = tf.scalar(Math.min(k, lines.shape[1]!), "int32");
  return rawOp("TopKV2", [lines, depth], { sorted: false })[0]!;
}

/** The least score that is wanted, [t, 1], once the best groups are known, [t, k or fewer]. */
function raised(least: tf.Tensor, top: tf.Tensor, depth: number, slack: tf.Tensor): tf.Tensor {
  return top.shape[1]! < depth ? least : tf.maximum(least, tf.sub(tf.min(top, 1, true), slack));
}

/**
 * The groups of [t, S] whose best score, [t, S / g], is good enough.
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

/** What stands at places [n, 2] of a table whose lines, so many columns each, lie one behind the other: GatherNd has no GPU kernel. */
function gatherAt(flat: tf.Tensor, places: tf.Tensor, columns: number): tf.Tensor {
  const [lines, at] = rawOp("Unpack", [places], { axis: 1, num: 2 }) as [tf.Tensor, tf.Tensor];
  const [starts] = rawOp("Mul", [lines, castTo(tf.scalar(columns, "int32"), "int64")]);
  const [index] = rawOp("AddV2", [starts!, at]);
  return rawOp("GatherV2", [flat, index!, tf.scalar(0, "int32")])[0]!;
}

/** The scores in groups that are good enough themselves. How many there are only a run knows: no tfjs function takes them. */
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
