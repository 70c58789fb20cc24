// The named methods of better neighbours from the same vectors, and their combination in one search.
// Shapes: Q queries, N index rows, E numbers per row.
import { nearestName, UserError } from "../../common/errors";
import { keysOf } from "../../common/typed_keys";
import { pickRows, type Vectors } from "../../common/vectors";
import { nearestNeighbours } from "../neighbours";
import { type OwnWhitening, whitenByThemselves } from "../own_whitening";
import { type Reduction, reduceRows } from "../reduction";
import type { SearchIndex } from "../resident_index";
import { augmentRows, EXPANSIONS, withExpandedQueries } from "./expansion";
import { withKReciprocal } from "./k_reciprocal";

/** What a method changes: the rows once, or each search. */
interface Method {
  /** For help texts. */
  title: string;
  rows?: (rows: Vectors) => Promise<OwnWhitening>;
  search?: (index: SearchIndex, rows: Vectors) => SearchIndex | Promise<SearchIndex>;
}

const METHODS = {
  whiten: { title: "rows whitened by their own statistics", rows: whitenByThemselves },
  dba: {
    title: "each row moved towards its three nearest (database-side augmentation)",
    rows: async (rows) => ({ vectors: await augmentRows(rows, EXPANSIONS.rows), whitening: undefined }),
  },
  qe: {
    title: "a second search, for the mean of the query and its first two results",
    search: (index, rows) => withExpandedQueries(index, rows, EXPANSIONS.average),
  },
  alpha_qe: {
    title: "the same, results weighted by their cosines",
    search: (index, rows) => withExpandedQueries(index, rows, EXPANSIONS.alpha),
  },
  k_reciprocal: { title: "the first 100 results ordered by shared neighbours", search: withKReciprocal },
} satisfies Record<string, Method>;

/** The name of a method. */
export type RerankName = keyof typeof METHODS;

/** Names of all methods, in the order in which they are applied. */
export const RERANK_NAMES = keysOf(METHODS);

/** Returns one line for each method: its name and what it does. */
export function describeRerankings(): string[] {
  return RERANK_NAMES.map((name) => `${name}: ${METHODS[name].title}`);
}

/**
 * Parses "whiten+dba+qe"; "" and "none" are no method.
 * @returns the names in the order in which they are applied
 * @throws UserError for an unknown name, with the nearest one, and for both kinds of query expansion
 * @example
 * parseReranking("qe+whiten") // ["whiten", "qe"]
 */
export function parseReranking(text: string): RerankName[] {
  const names = text.split("+").filter((name) => name !== "" && name !== "none");
  const isKnown = (name: string): name is RerankName => (RERANK_NAMES as string[]).includes(name);
  for (const name of names) {
    if (isKnown(name)) continue;
    const near = nearestName(name, RERANK_NAMES);
    throw new UserError(
      `There is no re-ranking "${name}"; there are: ${RERANK_NAMES.join(", ")}.`,
      near ? `Did you mean "${near}"?` : "Join several by +, for example whiten+dba+qe.",
    );
  }
  if (names.includes("qe") && names.includes("alpha_qe"))
    throw new UserError("qe and alpha_qe are two kinds of query expansion.", "Choose one of them.");
  return RERANK_NAMES.filter((name) => names.includes(name));
}

/**
 * Prepares the rows of an index: whitened, augmented.
 * @throws UserError for values that are not finite
 */
export async function prepareRows(rows: Vectors, names: readonly RerankName[]): Promise<OwnWhitening> {
  let prepared: OwnWhitening = { vectors: rows, whitening: undefined };
  for (const name of names) {
    const { rows: change }: Method = METHODS[name];
    if (!change) continue;
    const { vectors, whitening } = await change(prepared.vectors);
    prepared = { vectors, whitening: whitening ?? prepared.whitening };
  }
  return prepared;
}

/**
 * Returns an index that searches by the methods; any index will do: exact, approximate, on disk.
 * @param rows the rows of `index`
 */
export async function rerankedIndex(
  index: SearchIndex,
  rows: Vectors,
  names: readonly RerankName[],
): Promise<SearchIndex> {
  let reranked = index;
  for (const name of names) {
    const { search }: Method = METHODS[name];
    if (search) reranked = await search(reranked, rows);
  }
  return reranked;
}

/** A search by some methods, from queries as the model gives them. */
export interface RerankedSearch {
  search: SearchIndex["search"];
  /** The map of rows and queries; undefined if they are searched as they are. */
  whitening: Reduction | undefined;
}

/** Returns the methods with or without `whiten`, in the order in which they are applied. */
export function withWhitening(names: readonly RerankName[], whiten: boolean): RerankName[] {
  return RERANK_NAMES.filter((name) => (name === "whiten" ? whiten : names.includes(name)));
}

/**
 * Prepares a search among rows by some methods: exact, in memory.
 * @param only the positions of the rows to search; the methods' statistics are those of all rows, so scores are the same
 * @returns positions among all rows
 * @example
 * const { search } = await rerankedSearch(index, parseReranking("whiten+dba+qe"));
 * const { positions } = await search(queries, 5);
 */
export async function rerankedSearch(
  rows: Vectors,
  names: readonly RerankName[],
  only?: Int32Array,
): Promise<RerankedSearch> {
  const { vectors: all, whitening } = await prepareRows(rows, names);
  const vectors = only ? pickRows(all, only) : all;
  const exact: SearchIndex = {
    count: vectors.count,
    length: vectors.length,
    search: (queries, k) => nearestNeighbours(queries, vectors, k),
  };
  const index = await rerankedIndex(exact, vectors, names);
  const search: SearchIndex["search"] = async (queries, k) => {
    const found = await index.search(whitening ? reduceRows(queries, whitening) : queries, k);
    return only ? { ...found, positions: positionsIn(only, found.positions) } : found;
  };
  return { search, whitening };
}

/** Returns positions among some rows as positions among all rows. @param rows the position of each of some rows */
export function positionsIn(rows: Int32Array, positions: readonly Int32Array[]): Int32Array[] {
  return positions.map((list) => list.map((position) => rows[position]!));
}
