// Exact search of rows in blocks. Shapes: Q queries, D numbers per row, k results, B rows per block of the index,
// q queries per run.

import { UserError } from "../common/errors";
import { Budget } from "../common/parallel/budget";
import type { OnProgress } from "../common/progress";
import { rowOf, type Vectors } from "../common/vectors";
import { floatsOf, intsOf } from "../engine/native/dtypes";
import type { TensorValue } from "../engine/native/host_tensor";
import { type BestRows, emptyLists, insertRow, lastScore, sortLists } from "./best_rows";
import { EXACT_SCORES, type Metric, squaredLength } from "./nearness";
import { type RowSource, readRows } from "./row_source";
import { giveBackScoreGraph, type ScoreGraph, takeScoreGraph } from "./score_graph";
import { type Block, blockMemory, meanRow, type QueryRun, queryRuns, readBlock } from "./search_blocks";
import { type SearchShape, shapeOfSearch } from "./search_sizes";

/** The inputs of a search. */
export interface ExactSearch {
  queries: RowSource;
  index: RowSource;
  k: number;
  metric: Metric;
  /** Position of each query in the index, [Q], or -1: a query is never its own result. */
  ownPositions?: ArrayLike<number> | undefined;
  onProgress?: OnProgress | undefined;
  /** For tests: fewer rows per block than is fast. */
  rowsPerBlock?: number | undefined;
}

/** One run computes while the results of another are inserted. */
const RUNS_AT_ONCE = 2;
/** Twice the unit roundoff of float32. */
const ROUNDING = 2 ** -23;

/**
 * Returns the k rows of the index that are nearest to each query. The engine scores rows by float32 products and
 * returns those that may be among the best so far; exact float64 scores then decide, also about the order. Memory holds
 * the queries, one block of the index and the next.
 * @returns lists of length k, or shorter if the index has fewer rows
 * @throws UserError for rows of different lengths, k < 1, and values that are not finite
 */
export async function exactSearch(search: ExactSearch): Promise<BestRows> {
  const { queries, index, k, ownPositions } = search;
  requireFitting(search);
  const best = emptyLists(queries.count, Math.max(0, Math.min(k, index.count - (ownPositions ? 1 : 0))));
  if (queries.count > 0 && best.k > 0) await searchBlocks(search, await readRows(queries), best);
  sortLists(best);
  return best;
}

function requireFitting({ queries, index, k, ownPositions }: ExactSearch): void {
  if (!(Number.isInteger(k) && k >= 1))
    throw new UserError(
      `Expected k, the number of neighbours per query, to be a whole number >= 1, got ${k}.`,
    );
  if (queries.length !== index.length) {
    throw new UserError(
      `Queries have ${queries.length} numbers per row, the index has ${index.length}.`,
      "Embed both with the same model.",
    );
  }
  if (ownPositions && ownPositions.length !== queries.count)
    throw new UserError(
      `Expected a position for each of ${queries.count} queries, got ${ownPositions.length}.`,
    );
}

async function searchBlocks(search: ExactSearch, queries: Vectors, best: BestRows): Promise<void> {
  const { index, metric, ownPositions, rowsPerBlock } = search;
  const shape = shapeOfSearch({
    queries: queries.count,
    rows: index.count,
    length: index.length,
    rowsPerBlock,
    depth: best.k + (ownPositions ? 1 : 0),
    biased: metric === "euclidean",
  });
  const centre = await centreOf(search, shape.rows);
  const runs = queryRuns(queries, shape.queries, metric, centre);
  const memory = [blockMemory(shape.rows, shape.length), blockMemory(shape.rows, shape.length)];
  const graphs = scoreGraphs(shape);
  const lanes = new Budget(RUNS_AT_ONCE);
  const begun: Promise<unknown>[] = [];
  const searched: Promise<unknown>[] = [];
  /** The last block's search of each run: its results tell the next block's which scores matter. */
  const turns = runs.map(() => Promise.resolve());
  try {
    for (let start = 0; start < index.count; ) {
      // the memory of the next block must be free again; the runs of the previous block go on meanwhile
      await searched.at(-memory.length);
      const block = await readBlock(index, metric, start, memory[searched.length % memory.length]!, centre);
      const at = { graph: graphs.graph(start === 0), shape, block };
      const work = runs.map((run, i) => {
        turns[i] = turns[i]!.then(() => lanes.use(1, () => searchRun(search, { ...at, run }, best)));
        return turns[i];
      });
      begun.push(...work);
      const ended = Promise.all(work).then(() =>
        search.onProgress?.({ stage: "search", done: block.end, total: index.count, unit: "rows" }),
      );
      searched.push(ended);
      ended.catch(() => {}); // handled where it is awaited
      start = block.end;
    }
    await Promise.all(searched);
  } finally {
    await Promise.allSettled(begun);
    for (const { rows } of runs) rows.dispose();
    for (const { rows, bias } of memory) for (const tensor of [rows, bias]) tensor.dispose();
    graphs.giveBack();
  }
}

/** Returns the graphs of the first block and of the others. */
function scoreGraphs(shape: SearchShape): { graph(first: boolean): ScoreGraph; giveBack(): void } {
  const taken = new Map<boolean, ScoreGraph>();
  return {
    graph: (first) => {
      const graph = taken.get(first) ?? takeScoreGraph({ ...shape, first });
      taken.set(first, graph);
      return graph;
    },
    giveBack: () => {
      for (const [first, graph] of taken) giveBackScoreGraph({ ...shape, first }, graph);
    },
  };
}

/** Returns the row to subtract from every row: for Euclidean distance, the mean of the first block. */
async function centreOf({ index, metric }: ExactSearch, rows: number): Promise<Float32Array> {
  if (metric === "cosine") return new Float32Array(index.length);
  return meanRow(await index.block(0, Math.min(rows, index.count)), index.length);
}

/** The inputs of one run of the engine. */
interface Run {
  graph: ScoreGraph;
  shape: SearchShape;
  run: QueryRun;
  block: Block;
}

/** Finds the rows of one block that may be among the best of one run's queries, and keeps those that are. */
async function searchRun(search: ExactSearch, at: Run, best: BestRows): Promise<void> {
  const { graph, shape, run, block } = at;
  const { rows, bias } = block.memory;
  const margin = (shape.length + 4) * ROUNDING * (run.largest * block.largest + block.largest ** 2);
  const limits = limitsOf(search.metric, at, margin, best);
  const found = await graph.run({
    queries: run.rows,
    rows,
    least: limits.least,
    ...(shape.biased ? { bias } : {}),
    ...(block.start === 0 ? { slack: 2 * margin } : {}),
  });
  insertExactScores(search, at, limits, found, best);
}

/** Limits of the engine's scores, per query of a run. */
interface Limits {
  /** [q] The least score that matters, allowing for rounding; Infinity after the last query. */
  least: Float32Array;
  /** [q] Engine's score minus exact score, apart from rounding, minus the margin for rounding. */
  offset: Float64Array;
}

function limitsOf(metric: Metric, { shape, run }: Run, margin: number, best: BestRows): Limits {
  const seen = floatsOf(run.rows);
  const least = new Float32Array(shape.queries).fill(Number.POSITIVE_INFINITY);
  const offset = new Float64Array(shape.queries);
  for (let row = 0; row < run.count; row++) {
    // the exact score is minus half the squared distance: the engine omits the query's own term
    const left =
      metric === "euclidean"
        ? squaredLength(rowOf({ data: seen, length: shape.length }, row), 0, shape.length) / 2
        : 0;
    offset[row] = left - margin;
    least[row] = lastScore(best, run.start + row) + offset[row]!;
  }
  return { least, offset };
}

/** Computes exact scores of the rows that the engine found, and keeps the best. */
function insertExactScores(
  { metric, ownPositions }: ExactSearch,
  { shape, run, block }: Run,
  { least, offset }: Limits,
  found: Record<"queries" | "rows" | "scores", TensorValue>,
  best: BestRows,
): void {
  const exactScore = EXACT_SCORES[metric];
  const [queries, rows] = [intsOf(found.queries), intsOf(found.rows)];
  const scores = floatsOf(found.scores);
  const count = block.end - block.start;
  for (let i = 0; i < scores.length; i++) {
    const [row, at] = [rows[i]!, queries[i]!];
    const query = run.start + at;
    // rows after the end of the index are zeros
    if (row >= count || scores[i]! < least[at]! || ownPositions?.[query] === block.start + row) continue;
    const score = exactScore(run.given, at, block.rows, row, shape.length);
    insertRow(best, query, score, block.start + row);
    least[at] = Math.max(least[at]!, lastScore(best, query) + offset[at]!);
  }
}
