// Sizes of the blocks, runs, tiles and slabs of a search. Shapes: B rows per block of the index, q queries per run.
import type { ScoreGraphShape } from "./score_graph";

/** Maximum size of a block of the index, in rows and in numbers (64 MB). */
const [ROWS_PER_BLOCK, BLOCK_NUMBERS] = [16384, 2 ** 24];
/** A run of this many queries takes the engine about 10 ms. */
const QUERIES_PER_RUN = 1024;
/** Number of scores in memory at once: 8 MB fit the processor's cache and occupy all its cores. */
const SCORES_AT_ONCE = 2 ** 21;
/** Minimum number of groups in a slab per result: their best scores determine the least wanted score. */
const GROUPS_PER_RESULT = 4;
/** Bounds of the rows per group, a power of two. */
const [SMALLEST_GROUP, LARGEST_GROUP] = [8, 128];

/** The sizes that a search's shape follows from. */
export interface SearchSizes {
  queries: number;
  /** Number of rows of the index. */
  rows: number;
  length: number;
  /** Number of results per query. */
  depth: number;
  /** True if the metric needs a bias. */
  biased: boolean;
  rowsPerBlock?: number | undefined;
}

/** The shape of a search's graphs. */
export type SearchShape = Omit<ScoreGraphShape, "first">;

/** Returns blocks, runs, tiles and slabs of nearly equal size, so that little work is wasted on padding. */
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
  // if the index ends within the first block, a bias keeps the padding rows out of the results
  const biased = sizes.biased || sizes.rows < rows;
  return { queries: roundUp(perRun, tile), tile, rows, slab, group, length, depth, biased };
}

/**
 * Returns g, the number of rows per group. A search is fastest with half as many groups as there are rows in the k
 * groups that are inspected afterwards.
 */
function groupSize(rows: number, depth: number): number {
  const power = 2 ** Math.round(Math.log2(Math.sqrt((2 * rows) / depth)));
  return Math.min(LARGEST_GROUP, Math.max(SMALLEST_GROUP, power));
}

/** Returns the size of parts when `count` is split into the fewest equal parts of at most `most`. */
function evenPart(count: number, most: number): number {
  return Math.ceil(count / Math.ceil(count / most));
}

function roundUp(count: number, step: number): number {
  return step * Math.ceil(count / step);
}
