// Approximate nearest neighbours for served indices: a graph of the rows (HNSW) by USearch.
// Shapes: Q queries, N index rows, E numbers per row, k neighbours.
import { existsSync } from "node:fs";
import { Index, MetricKind, ScalarKind } from "usearch";
import { z } from "zod";
import { UserError } from "../common/errors";
import { readJson, writeAtomically, writeJson } from "../common/files/files";
import { checkInterrupt } from "../common/interrupt";
import type { ProgressOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { rowOf, type Vectors } from "../common/vectors";
import { sumFile } from "../formats/bytes";
import type { Neighbours } from "./neighbours";
import { type Rows, rowSource } from "./row_source";

/** An index in memory, searched by cosine. A row's position is its place in the order of insertion. */
export interface ApproximateIndex {
  readonly count: number;
  readonly length: number;
  /** Number of rows that a search looks for, of which it returns the nearest k: more find more, and take longer. */
  reach: number;
  /** Returns the k nearest rows of every query that the graph finds; k <= `count`. */
  search(queries: Vectors, k: number): Promise<Neighbours>;
  /**
   * Writes the index as one file, then `<path>.json` with its size and checksum; both atomically. Older files are
   * replaced.
   */
  save(path: string): Promise<void>;
}

/** Sizes of the graph: larger ones find more and take longer. */
export interface ApproximateOptions {
  /** Number of a row's neighbours in the graph. */
  connectivity?: number;
  /** Number of rows that are visited when one is added. */
  expansionAdd?: number;
  /** Number of rows that are visited in a search. */
  expansionSearch?: number;
}

const DEFAULTS = { connectivity: 16, expansionAdd: 128, expansionSearch: 128 };

/** Number of rows or queries per turn of the event loop: USearch works on the main thread. */
const ROWS_PER_TURN = 256;
/** More than one thread gained nothing when measured, and lost much when other work needed the cores. */
const THREADS = 1;

/**
 * Builds an index of rows, one after the other.
 * @throws UserError for values that are not finite
 * @example
 * const graph = await buildApproximateIndex(index); await graph.search(queries, 5);
 */
export async function buildApproximateIndex(
  rows: Rows,
  { onProgress, ...options }: ApproximateOptions & ProgressOptions = {},
): Promise<ApproximateIndex> {
  const { count, length, block } = rowSource(rows);
  const index = emptyIndex(length, options);
  for (let start = 0; start < count; start += ROWS_PER_TURN) {
    await checkInterrupt();
    const end = Math.min(start + ROWS_PER_TURN, count);
    const part = await block(start, end);
    const bad = part.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      throw new UserError(`Row ${start + Math.floor(bad / length)} of the index holds ${part[bad]}.`);
    const keys = BigUint64Array.from({ length: end - start }, (_, i) => BigInt(start + i));
    index.add(keys, part, THREADS);
    onProgress?.({ stage: "index", done: end, total: count, unit: "rows" });
  }
  return opened(index, length);
}

/**
 * The file next to an index. USearch does not check files: a damaged one ends the process or gives wrong neighbours.
 */
const NOTE = z.object({ bytes: z.number(), crc32: z.number(), rows: z.number(), length: z.number() });

/**
 * Reads an index that `save` wrote.
 * @param length E, numbers per row
 * @throws UserError if it does not exist or differs in any byte from what `save` wrote
 * @example
 * const graph = openApproximateIndex("features/photos/mine.usearch", 64);
 */
export function openApproximateIndex(
  path: string,
  length: number,
  options: ApproximateOptions = {},
): ApproximateIndex {
  const file = projectPath(path);
  if (!existsSync(file))
    throw new UserError(`Expected an index at ${file}: there is none.`, "Build and save one.");
  const note = readJson(notePath(file), NOTE, REBUILD);
  if (note.length !== length)
    throw new UserError(
      `Expected rows of ${length} numbers in ${file}, found rows of ${note.length}.`,
      REBUILD,
    );
  const { bytes, crc32 } = sumFile(file);
  if (bytes !== note.bytes || crc32 !== note.crc32) {
    const found = bytes === note.bytes ? "other bytes" : `${bytes} bytes instead of ${note.bytes}`;
    throw new UserError(`${file} is damaged: it has ${found}.`, REBUILD);
  }
  const index = emptyIndex(length, options);
  index.load(file);
  if (index.size() === note.rows && index.dimensions() === length) return opened(index, length);
  throw new UserError(
    `${file} holds ${index.size()} rows of ${index.dimensions()} numbers, but its note says ${note.rows} rows of ${note.length}.`,
    REBUILD,
  );
}

const REBUILD = "Build it again from the vectors of this model.";

function notePath(file: string): string {
  return `${file}.json`;
}

/** Writes the index, then its note: without a note, or with an older one, an index is refused. */
async function saveIndex(index: Index, length: number, file: string): Promise<void> {
  await writeAtomically(file, (temporary) => index.save(temporary));
  const note: z.infer<typeof NOTE> = { ...sumFile(file), rows: index.size(), length };
  writeJson(notePath(file), note);
}

/** Largest difference of cosines that float32 cannot distinguish: of copies, or of equally near rows. */
const TIE = 1e-5;

/**
 * Returns the recall of an approximate search, 0..1: the share of its neighbours that are as near as the farthest exact
 * one. It does not matter which of several equally near rows are found.
 * @example
 * recallOf(await graph.search(queries, 5), await nearestNeighbours(queries, index, 5)) // 1: as near as the exact ones
 */
export function recallOf(
  approximate: Pick<Neighbours, "cosines">,
  exact: Pick<Neighbours, "cosines">,
): number {
  let [found, all] = [0, 0];
  for (const [query, cosines] of exact.cosines.entries()) {
    const least = Math.min(...cosines) - TIE;
    const near = approximate.cosines[query]!.filter((cosine) => cosine >= least).length;
    found += Math.min(near, cosines.length);
    all += cosines.length;
  }
  return all > 0 ? found / all : 1;
}

function emptyIndex(length: number, options: ApproximateOptions): Index {
  const { connectivity, expansionAdd, expansionSearch } = { ...DEFAULTS, ...options };
  return new Index({
    dimensions: length,
    metric: MetricKind.Cos,
    quantization: ScalarKind.F32,
    connectivity,
    multi: false,
    expansion_add: expansionAdd,
    expansion_search: expansionSearch,
  });
}

function opened(index: Index, length: number): ApproximateIndex {
  const graph: ApproximateIndex = {
    count: index.size(),
    length,
    reach: 0,
    search: (queries, k) => searchIndex(index, graph, queries, k),
    save: (path) => saveIndex(index, length, projectPath(path)),
  };
  return graph;
}

async function searchIndex(
  index: Index,
  { length, count, reach }: ApproximateIndex,
  queries: Vectors,
  k: number,
): Promise<Neighbours> {
  if (queries.length !== length)
    throw new UserError(`Queries have ${queries.length} numbers per row, the index has ${length}.`);
  const neighbours: Neighbours = { positions: [], cosines: [] };
  const depth = Math.min(k, count);
  for (let query = 0; query < queries.count && depth > 0; query++) {
    if (query % ROWS_PER_TURN === 0) await checkInterrupt();
    const vector = rowOf(queries, query);
    // USearch visits at least as many rows as it is asked for
    const { keys, distances } = index.search(vector, Math.min(Math.max(k, reach), count), THREADS);
    neighbours.positions.push(Int32Array.from(keys.subarray(0, depth), Number));
    neighbours.cosines.push(distances.subarray(0, depth).map((distance) => 1 - distance));
  }
  return neighbours;
}
