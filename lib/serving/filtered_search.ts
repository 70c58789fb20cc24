// Searches the rows of an index that meet conditions. Shapes: Q queries, N rows, n rows that meet them, k neighbours.
import { UserError } from "../common/errors";
import { pickRows, type Vectors } from "../common/vectors";
import { type Condition, matchingRows } from "../index_folder/where";
import { type Neighbours, nearestNeighbours } from "../retrieval/neighbours";
import { positionsIn, rerankedIndex } from "../retrieval/reranking/methods";
import type { SearchIndex } from "../retrieval/resident_index";
import type { IndexSource } from "./index_source";
import type { IndexState } from "./index_state";
import { Refusal } from "./limits/refusal";

/** The rows that met the last conditions on a state. */
const LAST = new WeakMap<IndexState, { key: string; rows: Int32Array; subset?: Promise<SearchIndex> }>();
/** A graph is asked for this many times as many rows as would do if the matching ones were spread evenly. */
const MORE_ROWS = 3;
/** Most rows that a graph is asked for; where that is not enough, the search is exact. */
const MOST_FROM_GRAPH = 2_000;

/** Checks that conditions name columns of an index. @throws Refusal (400) with the known ones */
export function requireColumns({ source }: IndexState, where: readonly Condition[]): void {
  try {
    matchingRows({ ...rowsOf(source), files: [] }, where);
  } catch (error) {
    if (error instanceof UserError) throw new Refusal(400, error.what);
    throw error;
  }
}

function rowsOf({ files, labels, folds, columns, classNames }: IndexSource) {
  return {
    files,
    classNames,
    ...(labels ? { labels } : {}),
    ...(folds ? { folds } : {}),
    ...(columns ? { columns } : {}),
  };
}

/**
 * Returns the nearest rows that meet conditions; without conditions, of all rows. A graph is asked for more rows than
 * wanted; where fewer than k of them meet the conditions, and in an exact index, the matching rows are searched exactly.
 */
export async function searchWhere(
  state: IndexState,
  where: readonly Condition[],
  queries: Vectors,
  k: number,
): Promise<Neighbours> {
  if (where.length === 0) return state.searcher.index.search(queries, k);
  const last = matching(state, where);
  const { rows } = last;
  if (rows.length === 0)
    return { positions: emptyLists(queries), cosines: emptyLists(queries).map(() => new Float32Array(0)) };
  const wanted = Math.min(k, rows.length);
  const fromGraph =
    state.searcher.kind === "approximate" ? await overFetched(state, rows, queries, wanted) : undefined;
  if (fromGraph) return fromGraph;
  last.subset ??= subsetOf(state, rows);
  const found = await (await last.subset).search(queries, wanted);
  return { ...found, positions: positionsIn(rows, found.positions) };
}

function emptyLists({ count }: Vectors): Int32Array[] {
  return Array.from({ length: count }, () => new Int32Array(0));
}

function matching(state: IndexState, where: readonly Condition[]) {
  const key = JSON.stringify(where);
  const last = LAST.get(state);
  if (last?.key === key) return last;
  const found = { key, rows: matchingRows(rowsOf(state.source), where) };
  LAST.set(state, found);
  return LAST.get(state)!;
}

/** Asks the graph for more rows and keeps the matching ones; undefined if a query has too few of them. */
async function overFetched(
  { searcher, vectors }: IndexState,
  rows: Int32Array,
  queries: Vectors,
  wanted: number,
): Promise<Neighbours | undefined> {
  const depth = Math.ceil((MORE_ROWS * wanted * vectors.count) / rows.length);
  if (depth > MOST_FROM_GRAPH) return undefined;
  const { positions, cosines } = await searcher.index.search(queries, Math.min(depth, vectors.count));
  const isMatching = new Set(rows);
  const places = positions.map((list) =>
    Array.from(list.keys())
      .filter((at) => isMatching.has(list[at]!))
      .slice(0, wanted),
  );
  if (places.some((list) => list.length < wanted)) return undefined;
  return {
    positions: places.map((list, query) => Int32Array.from(list, (at) => positions[query]![at]!)),
    cosines: places.map((list, query) => Float32Array.from(list, (at) => cosines[query]![at]!)),
  };
}

/** Returns an exact index of some rows, with the methods of the whole one. */
async function subsetOf({ vectors, methods }: IndexState, rows: Int32Array): Promise<SearchIndex> {
  const subset = pickRows(vectors, rows);
  const exact: SearchIndex = {
    count: subset.count,
    length: subset.length,
    search: (queries, k) => nearestNeighbours(queries, subset, k),
  };
  return rerankedIndex(exact, subset, methods);
}
