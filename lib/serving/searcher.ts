// The search of a service: exact, or approximate by a graph or codes of the rows, whose recall is measured.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../common/errors";
import { findOrMake } from "../common/files/claim";
import { keptFolder } from "../common/files/kept_folder";
import type { ProgressOptions } from "../common/progress";
import { rowOf, stackRows, type Vectors } from "../common/vectors";
import { digestOf } from "../features/feature_sources";
import {
  type ApproximateIndex,
  buildApproximateIndex,
  openApproximateIndex,
  recallOf,
} from "../retrieval/approximate";
import type { ReadRow } from "../retrieval/coded/coded_index";
import { type Neighbours, nearestNeighbours } from "../retrieval/neighbours";
import type { OwnWhitening } from "../retrieval/own_whitening";
import type { RerankName } from "../retrieval/reranking/methods";
import { residentIndex, type SearchIndex } from "../retrieval/resident_index";
import type { Rows } from "../retrieval/row_source";
import type { IndexSource } from "./index_source";

/** The measured recall of a search. */
interface Recall {
  /** Share of the five nearest rows that the search finds, over some rows of the index. */
  recallAt5: number;
  /** Number of rows in the measurement. */
  recallQueries: number;
}

/** A search and its recall: 1 if it is exact; null: not measured. */
export interface Searcher extends Omit<Recall, "recallAt5"> {
  index: SearchIndex;
  kind: "exact" | "approximate" | "codes" | "milvus";
  recallAt5: number | null;
  dispose(): void;
}

const RECALL_QUERIES = 256;
const RECALL_DEPTH = 5;

/** Rows to search, prepared by some methods or as the model gives them. */
export type SearchedRows = Pick<IndexSource, "features"> & OwnWhitening & { methods: readonly RerankName[] };

/** Returns an exact search. */
export async function exactSearcher({ vectors }: SearchedRows): Promise<Searcher> {
  const index = await residentIndex(vectors);
  return { index, kind: "exact", recallAt5: 1, recallQueries: 0, dispose: () => index.dispose() };
}

/** Returns an approximate search; its graph is kept next to the features for the next start. */
export async function approximateSearcher(
  { vectors, features, whitening, methods }: SearchedRows,
  { onProgress }: ProgressOptions = {},
): Promise<Searcher> {
  const { folder, identity, content } = features;
  const moved = methods.includes("dba") ? "dba" : [];
  const parts = [content ?? [], whitening ? hashOf(whitening.matrix) : [], moved].flat();
  const key = parts.length === 0 ? identity : digestOf([identity, ...parts]);
  const path = join(keptFolder(folder), `neighbours_${key.slice(0, 16)}.usearch`);
  const kept = () => keptIndex(path, vectors, { onProgress });
  const build = async () => {
    const index = await buildApproximateIndex(vectors, { onProgress });
    await index.save(path);
    removeOthers(path);
    return index;
  };
  const index = await findOrMake(path, "The index", kept, build);
  const recall = await reachRecall(index, vectors);
  return { index, kind: "approximate", ...recall, dispose: () => {} };
}

/** Recall that searches of a graph shall have, and their largest reach for it. */
const [WANTED_RECALL, LARGEST_REACH] = [0.95, 2048];
const FIRST_REACH = 256;

/** Doubles the reach of a graph's searches until their recall is as wanted. @returns the recall */
export async function reachRecall(index: ApproximateIndex, vectors: Vectors): Promise<Recall> {
  const measure = await recallMeter(vectors, (row) => rowOf(vectors, row));
  for (;;) {
    const recall = await measure(index);
    if (recall.recallAt5 >= WANTED_RECALL || index.reach >= LARGEST_REACH) return recall;
    index.reach = Math.max(FIRST_REACH, 2 * index.reach);
  }
}

function hashOf({ buffer, byteOffset, byteLength }: Float32Array): string {
  return createHash("sha256")
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest("hex");
}

/** Deletes the graphs of earlier rows in the same folder. */
function removeOthers(path: string): void {
  const isOther = (name: string) =>
    /^neighbours_[\da-f]+\.usearch/.test(name) && !name.startsWith(basename(path));
  for (const name of readdirSync(dirname(path)).filter(isOther))
    rmSync(join(dirname(path), name), { force: true });
}

/** Returns each query's nearest rows without itself, which need not be the first among its duplicates. */
function withoutQueries({ positions, cosines }: Neighbours, ownRows: Int32Array): Neighbours {
  const isOther = (query: number) => (_: number, rank: number) => positions[query]![rank] !== ownRows[query];
  return {
    positions: positions.map((list, query) => list.filter(isOther(query)).slice(0, RECALL_DEPTH)),
    cosines: cosines.map((list, query) => list.filter(isOther(query)).slice(0, RECALL_DEPTH)),
  };
}

/** Opens the graph of an earlier start; undefined if it is missing, damaged or of other rows. */
function keptIndex(
  path: string,
  vectors: Vectors,
  { onProgress }: ProgressOptions,
): ApproximateIndex | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const index = openApproximateIndex(path, vectors.length);
    if (index.count === vectors.count) return index;
    throw new UserError(`${path} holds ${index.count} rows, the features are ${vectors.count}.`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const note = `rebuilt: ${error.what}`;
    onProgress?.({ stage: "index", done: 0, total: vectors.count, unit: "rows", note });
    return undefined;
  }
}

/**
 * Measures recall of the five nearest other rows, for queries spread over the index.
 * @param rows all of them, in memory or on disk
 * @param readRow reads one of them
 */
export async function measureRecall(index: SearchIndex, rows: Rows, readRow: ReadRow): Promise<Recall> {
  return (await recallMeter(rows, readRow))(index);
}

/** Searches the queries of a measurement exactly, once. @returns a function that measures a search's recall */
async function recallMeter(
  rows: Rows,
  readRow: ReadRow,
): Promise<(index: Pick<SearchIndex, "search">) => Promise<Recall>> {
  const { count, length } = rows;
  const recallQueries = Math.min(RECALL_QUERIES, count);
  const ownRows = Int32Array.from({ length: recallQueries }, (_, i) =>
    Math.floor((i * count) / recallQueries),
  );
  const queries = stackRows(Array.from(ownRows, readRow), length);
  const exact = await nearestNeighbours(queries, rows, RECALL_DEPTH, { own: ownRows });
  return async (index) => {
    const others = withoutQueries(await index.search(queries, RECALL_DEPTH + 1), ownRows);
    return { recallAt5: recallOf(others, exact), recallQueries };
  };
}
