// The rows that a service searches at one time, ready to be searched. Shapes: N rows, F numbers per vector of the model,
// d numbers per searched vector.
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
import type { OwnWhitening } from "../retrieval/own_whitening";
import { reduceRows } from "../retrieval/reduction";
import { prepareRows, type RerankName, rerankedIndex, withWhitening } from "../retrieval/reranking/methods";
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

/** Searchable rows. The number of a row in answers stays the same while the service runs; its position may change. */
export interface IndexState extends OwnWhitening {
  source: IndexSource;
  searcher: Searcher;
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
  numbers: RowNumbers = positionsOf(source),
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
  return { source, searcher: { ...searcher, index }, methods, verdict, judge, ...rows, ...numbers };
}

function verdictOf({ features, labels }: IndexSource, { madeBy, command }: VerdictRequest): VerdictState {
  return readVerdict(judgedIndex(features, madeBy, labels), command);
}

/** Returns a query as it is searched: a vector of the model [F], whitened if the rows are, or the vector of a row [d]. */
export function searchVector(
  { whitening, vectors, positionOf }: IndexState,
  query: { vector: Float32Array } | { row: number },
): Float32Array | undefined {
  if ("row" in query) {
    const position = positionOf(query.row);
    return position === undefined ? undefined : rowOf(vectors, position);
  }
  if (!whitening) return query.vector;
  const one: Vectors = { data: query.vector, count: 1, length: query.vector.length };
  return reduceRows(one, whitening).data;
}

function positionsOf({ vectors: { count } }: IndexSource): RowNumbers {
  return { numberAt: (position) => position, positionOf: (row) => (row < count ? row : undefined) };
}
