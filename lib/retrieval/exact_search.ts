// Exact search of rows in blocks. Shapes: Q queries, D numbers of each, k results, B rows of a block of the index,
// q queries of a run.
import { mapConcurrently } from "../common/concurrent";
import { UserError } from "../common/errors";
import type { OnProgress } from "../common/progress";
import { type BestRows, emptyLists, insertRow, lastScore } from "./best_rows";
import { EXACT_SCORES, type Metric, squaredLength } from "./metric";
import { type RowSource, readRows, type Vectors } from "./rows";
import { groupSize, type ScoreGraph, scoreGraph } from "./score_graph";
import { type Block, blockMemory, meanRow, type QueryRun, queryRuns, readBlock } from "./search_blocks";

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

/** The scores of 16,384 rows x 256 queries, 16 MB, stay in the processor's cache, and are work for all its cores. */
const [ROWS_PER_BLOCK, QUERIES_PER_TILE] = [16384, 256];
/** A run of the engine takes a tenth of a second or so. */
const TILES_PER_RUN = 4;
/** Numbers of a block, at most: 64 MB. */
const BLOCK_NUMBERS = 2 ** 24;
/** One run computes while the results of another are taken in. */
const RUNS_AT_ONCE = 2;
/** Twice the unit roundoff of float32. */
const ROUNDING = 2 ** -23;

/**
 * The k rows of the index that are nearest to every query. The engine finds the best of each block by float32
 * products; they are scored again in float64, which decides between blocks, and their order. In memory are the
 * queries, one block of the index and the next.
 * @returns lists of length k, shorter where the index has fewer rows
 * @throws UserError for rows of different lengths, k below 1, and numbers that are not finite
 */
export async function exactSearch(search: ExactSearch): Promise<BestRows> {
  const { queries, index, k, ownPositions } = search;
  requireFitting(search);
  const best = emptyLists(queries.count, Math.max(0, Math.min(k, index.count - (ownPositions ? 1 : 0))));
  if (queries.count > 0 && best.k > 0) await searchBlocks(search, await readRows(queries), best);
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

/** Sizes of the blocks and runs of a search, as its graphs have them. */
interface Sizes {
  queries: number;
  tile: number;
  rows: number;
  length: number;
  depth: number;
}

/** Blocks and runs of nearly equal size, so that little is computed for nothing. */
function sizesOf(search: ExactSearch, k: number): Sizes {
  const { queries, index, ownPositions, rowsPerBlock = ROWS_PER_BLOCK } = search;
  const depth = k + (ownPositions ? 1 : 0);
  const most = Math.max(1, Math.min(rowsPerBlock, Math.floor(BLOCK_NUMBERS / index.length)));
  const even = Math.max(depth, evenPart(index.count, most));
  const group = groupSize(even, depth);
  const rows = group * Math.ceil(even / group);
  const perRun = evenPart(queries.count, QUERIES_PER_TILE * TILES_PER_RUN);
  const tile = evenPart(perRun, QUERIES_PER_TILE);
  return { queries: tile * Math.ceil(perRun / tile), tile, rows, length: index.length, depth };
}

/** The size of the parts when `count` is cut into the fewest equal parts of at most `most`. */
function evenPart(count: number, most: number): number {
  return Math.ceil(count / Math.ceil(count / most));
}

async function searchBlocks(search: ExactSearch, queries: Vectors, best: BestRows): Promise<void> {
  const { index, metric, onProgress } = search;
  const sizes = sizesOf(search, best.k);
  const centre = await centreOf(search, sizes.rows);
  const runs = queryRuns(queries, sizes.queries, metric, centre);
  const memory = [blockMemory(sizes.rows, sizes.length), blockMemory(sizes.rows, sizes.length)];
  const graphs = scoreGraphs(sizes);
  const read = (start: number, turn: number) =>
    readBlock(index, metric, start, memory[turn % memory.length]!, centre);
  try {
    let block: Block | undefined = await read(0, 0);
    for (let turn = 1; block; turn++) {
      const current: Block = block;
      const graph = graphs.of(current.biased);
      const taking = mapConcurrently(runs, RUNS_AT_ONCE, async (run) => {
        const found = await searchRun(graph, run, current);
        takeIn(search, { queries, run, block: current }, found, best);
      });
      block = await bothEnded(taking, current.end < index.count ? read(current.end, turn) : undefined);
      onProgress?.({ stage: "search", done: current.end, total: index.count, unit: "rows" });
    }
  } finally {
    for (const { rows } of runs) rows.dispose();
    for (const { rows, bias } of memory) for (const tensor of [rows, bias]) tensor.dispose();
    graphs.dispose();
  }
}

/** What is taken from every row: for Euclidean distance the mean of the first block. */
async function centreOf({ index, metric }: ExactSearch, rows: number): Promise<Float32Array> {
  if (metric === "cosine") return new Float32Array(index.length);
  return meanRow(await index.block(0, Math.min(rows, index.count)), index.length);
}

/** Graphs with and without bias, traced when the first block needs one. */
function scoreGraphs(sizes: Sizes): { of(biased: boolean): ScoreGraph; dispose(): void } {
  const traced = new Map<boolean, ScoreGraph>();
  return {
    of: (biased) => {
      const graph = traced.get(biased) ?? scoreGraph({ ...sizes, biased });
      traced.set(biased, graph);
      return graph;
    },
    dispose: () => {
      for (const graph of traced.values()) graph.dispose();
    },
  };
}

/** Waits for both, whatever becomes of one of them, since both use the same memory. */
async function bothEnded<T>(one: Promise<unknown>, other: Promise<T> | undefined): Promise<T | undefined> {
  const [first, second] = await Promise.allSettled([one, other]);
  if (first.status === "rejected") throw first.reason;
  if (second.status === "rejected") throw second.reason;
  return second.value;
}

/** What the engine found in one block for the queries of one run, best first: [q, depth] each. */
interface Found {
  scores: Float32Array;
  positions: Int32Array;
}

async function searchRun(graph: ScoreGraph, run: QueryRun, { memory, biased }: Block): Promise<Found> {
  const inputs = { queries: run.rows, rows: memory.rows, ...(biased ? { bias: memory.bias } : {}) };
  const { scores, positions } = await graph.run(inputs);
  return { scores: scores.data as Float32Array, positions: positions.data as Int32Array };
}

/** Scores again what the engine found, unless it is too far away for rounding to matter, and keeps the best. */
function takeIn(
  { metric, ownPositions }: ExactSearch,
  { queries, run, block }: { queries: Vectors; run: QueryRun; block: Block },
  { scores, positions }: Found,
  best: BestRows,
): void {
  const { length } = queries;
  const depth = scores.length / run.rows.shape[0]!;
  const seen = run.rows.data as Float32Array;
  const exactScore = EXACT_SCORES[metric];
  const margin = (length + 2) * ROUNDING * (run.largest * block.largest + block.largest ** 2);
  for (let row = 0; row < run.count; row++) {
    const query = run.start + row;
    const own = (ownPositions?.[query] ?? -1) - block.start;
    // the engine's score is minus half the squared distance, plus half of this
    const offset = metric === "euclidean" ? squaredLength(seen, row * length, length) / 2 : 0;
    for (let rank = row * depth; rank < (row + 1) * depth; rank++) {
      if (!(scores[rank]! - offset + margin >= lastScore(best, query))) break;
      const position = positions[rank]!;
      if (position === own || position >= block.end - block.start) continue;
      const score = exactScore(queries.data, query * length, block.rows, position * length, length);
      insertRow(best, query, score, block.start + position);
    }
  }
}
