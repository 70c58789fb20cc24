// Searches the rows of an index that meet conditions. Shapes: Q queries, N rows, n rows that meet them, k neighbours.
import { UserError } from "../common/errors";
import { pickRows, type Vectors } from "../common/vectors";
import { type Condition, filterColumns, matchingRows } from "../index_folder/where";
import { type Neighbours, nearestNeighbours } from "../retrieval/neighbours";
import { positionsIn, type RerankName, rerankedIndex } from "../retrieval/reranking/methods";
import type { SearchIndex } from "../retrieval/resident_index";
import type { IndexSource } from "./index_source";
import { Refusal } from "./limits/refusal";
import type { Searcher } from "./searcher";

/** A graph is asked for this many times as many rows as would do if the matching ones were spread evenly. */
const MORE_ROWS = 3;
/** Most rows that a graph is asked for; where that is not enough, the search is exact. */
const MOST_FROM_GRAPH = 2_000;

/** Rows in memory, and how they are searched. */
export interface FilteredRows {
  source: IndexSource;
  /** The rows as they are searched, [N, d]. */
  vectors: Vectors;
  searcher: Searcher;
  /** The methods by which the rows are searched. */
  methods: readonly RerankName[];
}

/** Searches among the rows that meet conditions. */
export interface RowFilters {
  /** Columns that conditions may name. */
  columns: readonly string[];
  /** Checks that conditions name columns of the index. @throws Refusal (400) with the known ones */
  requireColumns(where: readonly Condition[]): void;
  /** Returns the nearest rows that meet conditions. */
  search(where: readonly Condition[], queries: Vectors, k: number): Promise<Neighbours>;
}

/** Returns the filters of an index. @throws Refusal (400) for an index on a server, which takes none */
export function filtersOf({ filters }: { filters: RowFilters | undefined }): RowFilters {
  if (filters) return filters;
  throw new Refusal(400, "this index takes no conditions: where= is for photos and folders of features");
}

/**
 * Makes the filters of rows in memory. A graph is asked for more rows than wanted; where fewer than k of them meet the
 * conditions, and in an exact index, the matching rows are searched exactly. What the last conditions found is kept.
 */
export function rowFilters(rows: FilteredRows): RowFilters {
  let last: { key: string; rows: Int32Array; subset?: Promise<SearchIndex> } | undefined;
  return {
    columns: filterColumns(rowsOf(rows.source)),
    requireColumns(where) {
      try {
        matchingRows({ ...rowsOf(rows.source), files: [] }, where);
      } catch (error) {
        if (error instanceof UserError) throw new Refusal(400, error.what);
        throw error;
      }
    },
    async search(where, queries, k) {
      const key = JSON.stringify(where);
      if (last?.key !== key) last = { key, rows: matchingRows(rowsOf(rows.source), where) };
      const now = last;
      if (now.rows.length === 0)
        return {
          positions: Array.from({ length: queries.count }, () => new Int32Array(0)),
          cosines: Array.from({ length: queries.count }, () => new Float32Array(0)),
        };
      const wanted = Math.min(k, now.rows.length);
      const isGraph = rows.searcher.kind === "approximate";
      const fromGraph = isGraph ? await overFetched(rows, now.rows, queries, wanted) : undefined;
      if (fromGraph) return fromGraph;
      now.subset ??= subsetOf(rows, now.rows);
      const found = await (await now.subset).search(queries, wanted);
      return { ...found, positions: positionsIn(now.rows, found.positions) };
    },
  };
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

/** Asks the graph for more rows and keeps the matching ones; undefined if a query has too few of them. */
async function overFetched(
  { searcher, vectors }: FilteredRows,
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
async function subsetOf({ vectors, methods }: FilteredRows, rows: Int32Array): Promise<SearchIndex> {
  const subset = pickRows(vectors, rows);
  const exact: SearchIndex = {
    count: subset.count,
    length: subset.length,
    search: (queries, k) => nearestNeighbours(queries, subset, k),
  };
  return rerankedIndex(exact, subset, methods);
}
