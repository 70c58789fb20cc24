// Exact search of rows in blocks. Shapes: Q queries, D numbers of each, k results, B rows of a block of the index,
// q queries of a run.
import { Budget } from "../common/budget";
import { UserError } from "../common/errors";
import type { OnProgress } from "../common/progress";
import { rowOf, type Vectors } from "../common/vectors";
import { floatsOf, intsOf } from "../engine/native/dtypes";
import type { TensorValue } from "../engine/native/host_tensor";
import { type BestRows, emptyLists, insertRow, lastScore, sortLists } from "./best_rows";
import { EXACT_SCORES, type Metric, squaredLength } from "./metric";
import { type RowSource, readRows } from "./rows";
import { giveBackScoreGraph, type ScoreGraph, takeScoreGraph } from "./score_graph";
import { type Block, blockMemory, meanRow, type QueryRun, queryRuns, readBlock } from "./search_blocks";
import { type SearchShape, shapeOfSearch } from "./search_sizes";

/** A search. */
export interface ExactSearch {
  queries: RowSource;
  index: RowSource;
  k: number;
  metric: Metric;
  /** Where in the index each query stands, [Q], -1 where it does not: it is left out of its own results. */
  ownPositions?: ArrayLike<number> | undefined;
  onProgress?: OnProgress | undefined;
  /** For tests: fewer rows a block than is fast. */
  rowsPerBlock?: number | undefined;
}

/** One run computes while the results of another are taken in. */
const RUNS_AT_ONCE = 2;
/** Twice the unit roundoff of float32. */
const ROUNDING = 2 ** -23;

/**
 * The k rows of the index that are nearest to every query. The engine scores them by float32 products and gives out
 * those that may be among the best so far; they are scored again in float64, which decides, also about their order. In
 * memory are the queries, one block of the index and the next.
 * @returns lists of length k, shorter where the index has fewer rows
 * @throws UserError for rows of different lengths, k below 1, and numbers that are not finite
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
    throw new UserError(`k, how many neighbours a query gets, is a whole number from 1; it is ${k}.`);
  if (queries.length !== index.length) {
    throw new UserError(
      `Queries have ${queries.length} numbers a row, the index ${index.length}.`,
      "Embed both by the same model.",
    );
  }
  if (ownPositions && ownPositions.length !== queries.count)
    throw new UserError(`There are ${queries.count} queries, and ${ownPositions.length} positions of them.`);
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
  try {
    for (let start = 0; start < index.count; ) {
      // where it is read to must be free again; the runs of the block before this one go on meanwhile
      await searched.at(-memory.length);
      const block = await readBlock(index, metric, start, memory[searched.length % memory.length]!, centre);
      const at = { graph: graphs.graph(start === 0), shape, block };
      const work = runs.map((run) => lanes.use(1, () => searchRun(search, { ...at, run }, best)));
      begun.push(...work);
      const ended = Promise.all(work).then(() =>
        search.onProgress?.({ stage: "search", done: block.end, total: index.count, unit: "rows" }),
      );
      searched.push(ended);
      ended.catch(() => {}); // heard where it is awaited
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

/** The graphs of the first block and of the others. */
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

/** What is taken from every row: for Euclidean distance the mean of the first block. */
async function centreOf({ index, metric }: ExactSearch, rows: number): Promise<Float32Array> {
  if (metric === "cosine") return new Float32Array(index.length);
  return meanRow(await index.block(0, Math.min(rows, index.count)), index.length);
}

/** What one run of the engine is about. */
interface Run {
  graph: ScoreGraph;
  shape: SearchShape;
  run: QueryRun;
  block: Block;
}

/** Finds the rows of one block that may be among the best of the queries of one run, and keeps those that are. */
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

/** What the engine's scores of the queries of a run are measured by. */
interface Limits {
  /** [q] What a score must reach to matter, whatever rounding did to it; Infinity behind the last query. */
  least: Float32Array;
  /** [q] What the engine's score of a row is more than the exact one, but for rounding, less the margin for that. */
  offset: Float64Array;
}

function limitsOf(metric: Metric, { shape, run }: Run, margin: number, best: BestRows): Limits {
  const seen = floatsOf(run.rows);
  const least = new Float32Array(shape.queries).fill(Number.POSITIVE_INFINITY);
  const offset = new Float64Array(shape.queries);
  for (let row = 0; row < run.count; row++) {
    // the exact score is minus half the squared distance: the engine leaves out the query's own part of it
    const left =
      metric === "euclidean"
        ? squaredLength(rowOf({ data: seen, length: shape.length }, row), 0, shape.length) / 2
        : 0;
    offset[row] = left - margin;
    least[row] = lastScore(best, run.start + row) + offset[row]!;
  }
  return { least, offset };
}

/** Scores again what the engine found, and keeps the best. */
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
    // behind the index's end are rows of zeros
    if (row >= count || scores[i]! < least[at]! || ownPositions?.[query] === block.start + row) continue;
    const score = exactScore(run.given, at, block.rows, row, shape.length);
    insertRow(best, query, score, block.start + row);
    least[at] = Math.max(least[at]!, lastScore(best, query) + offset[at]!);
  }
}
