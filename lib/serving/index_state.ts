// The rows that a service searches at one time, ready to be searched. Shapes: N rows, F numbers per vector of the model,
// d numbers per searched vector.
import { basename, isAbsolute, relative, resolve, sep } from "node:path";
import type { ProgressOptions } from "../common/progress";
import { rowOf, type Vectors } from "../common/vectors";
import type { MadeBy } from "../features/feature_files";
import {
  type HitJudge,
  hitJudge,
  judgedIndex,
  readVerdict,
  type VerdictState,
} from "../finding/kept_verdict";
import { type Reduction, reduceRows } from "../retrieval/reduction";
import { prepareRows, type RerankName, rerankedIndex, withWhitening } from "../retrieval/reranking/methods";
import { type RowFilters, rowFilters } from "./filtered_search";
import type { IndexSource } from "./index_source";
import { approximateSearcher, exactSearcher, type Searcher } from "./searcher";

/** How rows are searched. */
export interface SearchChoice {
  /** True to whiten the rows, and the queries with them, by the rows' own statistics. */
  whiten: boolean;
  /** Methods for better neighbours from the same vectors; default: none. */
  rerank?: readonly RerankName[] | undefined;
  /** True to search a graph of the rows. */
  approximate: boolean;
}

/** What a service knows of a row. */
export interface RowFacts {
  /** The image's path for clients: below the folder of the images or of the index; of one elsewhere only the name. */
  file: string;
  /** Absolute; undefined if it cannot be on this machine. */
  path: string | undefined;
  label: number | null;
  /** Name of the class, if known. */
  name: string | null;
  /** The hash of the image's file, if known. */
  content: string | null;
}

/**
 * Searchable rows, in memory or on a server. The number of a row in answers stays the same while the service runs; its
 * position may change.
 */
export interface IndexState {
  /** N. */
  count: number;
  /** d. */
  length: number;
  /** The map of queries, if the rows are whitened. */
  whitening: Reduction | undefined;
  /** True if the rows have classes. */
  labelled: boolean;
  searcher: Searcher;
  /** Searches under conditions; undefined for an index that takes none. */
  filters: RowFilters | undefined;
  /** Returns what is known of the rows at some positions, in their order. */
  rowsAt(positions: ArrayLike<number>): Promise<RowFacts[]>;
  /** Returns the vector of the row at a position: the model's [F], and as it is searched [d]. */
  vectorAt(position: number): Promise<{ model: Float32Array; searched: Float32Array }>;
  /** The methods by which the rows are searched. */
  methods: readonly RerankName[];
  /** The verdict of these rows, or why there is none; null while they are not whole. */
  verdict: VerdictState | null;
  /** Judges hits; undefined without a verdict. */
  judge: HitJudge | undefined;
  /** Returns the number of the row at a position. */
  numberAt(position: number): number;
  /** Returns the position of a row; undefined if it is not in the index (any more). */
  positionOf(row: number): number | undefined;
}

/** The numbers of rows; without them a row's number is its position. */
export type RowNumbers = Pick<IndexState, "numberAt" | "positionOf">;

/** What a verdict of rows depends on. */
export interface VerdictRequest {
  /** The properties of the model's vectors. */
  madeBy: MadeBy;
  /** The command that makes the verdict. */
  command: string;
}

/** Makes rows searchable. @param judged if the rows are whole: they have a verdict, if one was made of them */
export async function indexState(
  source: IndexSource,
  { whiten, rerank = [], approximate }: SearchChoice,
  numbers: RowNumbers = rowNumbers(source.vectors.count),
  { judged, ...options }: ProgressOptions & { judged?: VerdictRequest | undefined } = {},
): Promise<IndexState> {
  const methods = withWhitening(rerank, whiten);
  const rows = await prepareRows(source.vectors, methods);
  const searched = { ...source, ...rows, methods };
  const searcher = await (approximate ? approximateSearcher(searched, options) : exactSearcher(searched));
  const index = await rerankedIndex(searcher.index, rows.vectors, methods);
  const verdict = judged ? verdictOf(source, judged) : null;
  const isPlain = methods.every((method) => method === "whiten");
  const known = isPlain ? rows : { whitening: rows.whitening };
  const judge =
    verdict && "verdict" in verdict ? await hitJudge(verdict.verdict, source.vectors, known) : undefined;
  const { vectors, whitening } = rows;
  return {
    count: vectors.count,
    length: vectors.length,
    whitening,
    labelled: source.labels !== undefined,
    searcher: { ...searcher, index },
    filters: rowFilters({ source, vectors, searcher: { ...searcher, index }, methods }),
    rowsAt: async (positions) => Array.from(positions, (position) => factsAt(source, position)),
    vectorAt: async (position) => ({
      model: rowOf(source.vectors, position),
      searched: rowOf(vectors, position),
    }),
    methods,
    verdict,
    judge,
    ...numbers,
  };
}

function factsAt(
  { imageFolder, files, labels, classNames, contents, features }: IndexSource,
  position: number,
): RowFacts {
  const file = files.at(position)!;
  const label = labels?.[position] ?? null;
  return {
    file: shownPath(file, features.folder),
    path: resolve(imageFolder, file),
    label,
    name: label === null ? null : (classNames.get(label) ?? null),
    content: contents?.[position] ?? null,
  };
}

/** Returns a file's path for clients: below a folder; of one elsewhere only the name. */
export function shownPath(file: string, indexFolder = ""): string {
  const path = isAbsolute(file) && indexFolder !== "" ? relative(indexFolder, file) : file;
  return path.split(sep).includes("..") || isAbsolute(path) ? basename(file) : path;
}

function verdictOf({ features, labels }: IndexSource, { madeBy, command }: VerdictRequest): VerdictState {
  return readVerdict(judgedIndex(features, madeBy, labels), command);
}

/** Returns a query as it is searched: a vector of the model [F], whitened if the rows are, or the vector of a row [d]. */
export async function searchVector(
  { whitening, vectorAt, positionOf }: IndexState,
  query: { vector: Float32Array } | { row: number },
): Promise<Float32Array | undefined> {
  if ("row" in query) {
    const position = positionOf(query.row);
    return position === undefined ? undefined : (await vectorAt(position)).searched;
  }
  if (!whitening) return query.vector;
  const one: Vectors = { data: query.vector, count: 1, length: query.vector.length };
  return reduceRows(one, whitening).data;
}

/** Returns the numbers of rows that do not change: their positions. */
export function rowNumbers(count: number): RowNumbers {
  return { numberAt: (position) => position, positionOf: (row) => (row < count ? row : undefined) };
}

/** Returns what clients learn of an index: its size, how it is searched, its columns, and its verdict's promise or lack. */
export function indexHealth(state: IndexState | undefined): Record<string, unknown> {
  return {
    images: state?.count ?? 0,
    labelled: state?.labelled ?? false,
    whitened: state?.whitening?.to ?? null,
    rerank: state?.methods ?? [],
    columns: state?.filters?.columns ?? [],
    verdict: verdictHealth(state?.verdict),
  };
}

function verdictHealth(verdict: VerdictState | null | undefined): Record<string, unknown> | null {
  if (!verdict) return null;
  if (!("verdict" in verdict)) return { lack: verdict.lack };
  const { threshold, unknown } = verdict.verdict.report;
  return { falseAccepts: threshold.rate, cosine: threshold.value, unknown };
}
