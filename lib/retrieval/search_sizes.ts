// How a search is cut into pieces. Shapes: B rows of a block of the index, q queries of a run.
import type { ScoreGraphShape } from "./score_graph";

/** Blocks of the index, at most: rows, and numbers (64 MB). */
const [ROWS_PER_BLOCK, BLOCK_NUMBERS] = [16384, 2 ** 24];
/** A run of the engine takes a hundredth of a second or so. */
const QUERIES_PER_RUN = 1024;
/** Scores that are in memory at once: 8 MB stay in the processor's cache, and are work for all its cores. */
const SCORES_AT_ONCE = 2 ** 21;
/** So many groups in a slab, at least, for each row that is wanted: their best scores say what is good enough. */
const GROUPS_PER_RESULT = 4;
/** Rows of a group are a power of two between these. */
const [SMALLEST_GROUP, LARGEST_GROUP] = [8, 128];

/** What is to be cut. */
export interface SearchSizes {
  queries: number;
  /** Rows of the index. */
  rows: number;
  length: number;
  /** How many rows of the index each query gets. */
  depth: number;
  /** Whether rows have a bias in any case. */
  biased: boolean;
  rowsPerBlock?: number | undefined;
}

/** The sizes of a search's graphs. */
export type SearchShape = Omit<ScoreGraphShape, "first">;

/** Blocks, runs, tiles and slabs of nearly equal size, so that little is computed for nothing. */
export function shapeOfSearch(sizes: SearchSizes): SearchShape {
  const { length, depth, rowsPerBlock = ROWS_PER_BLOCK } = sizes;
  const most = Math.max(1, Math.min(rowsPerBlock, Math.floor(BLOCK_NUMBERS / length)));
  const even = evenPart(sizes.rows, most);
  const group = groupSize(even, depth);
  const rows = roundUp(even, group);
  const leastSlab = GROUPS_PER_RESULT * depth * group;
  const perRun = evenPart(sizes.queries, QUERIES_PER_RUN);
  const tile = evenPart(perRun, Math.max(1, Math.floor(SCORES_AT_ONCE / leastSlab)));
  const slab = roundUp(evenPart(rows, Math.max(leastSlab, Math.floor(SCORES_AT_ONCE / tile))), group);
  // behind the index's end a bias takes care that nothing is found, where the first block ends there already
  const biased = sizes.biased || sizes.rows < rows;
  return { queries: roundUp(perRun, tile), tile, rows, slab, group, length, depth, biased };
}

/**
 * How many rows stand in a group of which the best score is found first. With half as many groups as there are rows in
 * the k groups that are looked at afterwards, least time goes by.
 */
function groupSize(rows: number, depth: number): number {
  const power = 2 ** Math.round(Math.log2(Math.sqrt((2 * rows) / depth)));
  return Math.min(LARGEST_GROUP, Math.max(SMALLEST_GROUP, power));
}

/** The size of the parts when `count` is cut into the fewest equal parts of at most `most`. */
function evenPart(count: number, most: number): number {
  return Math.ceil(count / Math.ceil(count / most));
}

function roundUp(count: number, step: number): number {
  return step * Math.ceil(count / step);
}
