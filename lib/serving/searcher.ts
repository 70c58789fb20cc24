// The search of a service: exact, or approximate by a graph of the rows, whose recall is measured.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../common/errors";
import { findOrMake } from "../common/files/claim";
import { keptFolder } from "../common/files/kept_folder";
import type { ProgressOptions } from "../common/progress";
import { pickRows, type Vectors } from "../common/vectors";
import { digestOf } from "../features/feature_sources";
import {
  type ApproximateIndex,
  buildApproximateIndex,
  openApproximateIndex,
  recallOf,
} from "../retrieval/approximate";
import { type Neighbours, nearestNeighbours } from "../retrieval/neighbours";
import type { OwnWhitening } from "../retrieval/own_whitening";
import type { RerankName } from "../retrieval/reranking/methods";
import { residentIndex, type SearchIndex } from "../retrieval/resident_index";
import type { IndexSource } from "./index_source";

/** A search and its recall. */
export interface Searcher {
  index: SearchIndex;
  kind: "exact" | "approximate" | "milvus";
  /** Share of the five nearest rows that the search finds, over some rows of the index; 1 if exact; null: not measured. */
  recallAt5: number | null;
  /** Number of rows in the measurement of recall. */
  recallQueries: number;
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
  const recall = await measureRecall(index, vectors);
  return { index, kind: "approximate", ...recall, dispose: () => {} };
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

/** Measures recall of the five nearest other rows, for queries spread over the index. */
async function measureRecall(
  index: SearchIndex,
  vectors: Vectors,
): Promise<{ recallAt5: number; recallQueries: number }> {
  const { count } = vectors;
  const queryCount = Math.min(RECALL_QUERIES, count);
  const ownRows = Int32Array.from({ length: queryCount }, (_, i) => Math.floor((i * count) / queryCount));
  const queries = pickRows(vectors, ownRows);
  const exact = await nearestNeighbours(queries, vectors, RECALL_DEPTH, { own: ownRows });
  const others = withoutQueries(await index.search(queries, RECALL_DEPTH + 1), ownRows);
  return { recallAt5: recallOf(others, exact), recallQueries: queryCount };
}
