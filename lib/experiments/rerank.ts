// Compares ways to search the same vectors, on held-out classes.
import { UserError } from "../common/errors";
import type { ProgressOptions } from "../common/progress";
import { rowOf, type Vectors } from "../common/vectors";
import type { ComparisonSettings } from "../config/parts";
import { planViews, type Views } from "../images/loading/views";
import type { BootstrapOptions } from "../retrieval/bootstrap";
import { codedIndex, codeRows } from "../retrieval/coded/coded_index";
import type { CodeBits } from "../retrieval/coded/levels";
import { scoreCells } from "../retrieval/comparison_table";
import { compareScores, type Score } from "../retrieval/evaluation";
import { expectedCounts, type Measure, type QueryScores, scoreQueries } from "../retrieval/metrics";
import { type RerankName, rerankedSearch } from "../retrieval/reranking/methods";
import type { SearchIndex } from "../retrieval/resident_index";
import { heldOutFiles, modelVectors, requireModels } from "./ladder";

/** Scores of one way to search. */
export interface RerankRow {
  /** The methods; none: by the vectors as they are. */
  methods: readonly RerankName[];
  /** Views of each query. */
  views: Views;
  /** Bits of a code per number, if codes of the rows are searched and the best rows scored anew. */
  codeBits?: CodeBits;
  /** Differences are from the first row. */
  scores: Record<Measure, Score>;
  /** Time to prepare the index, seconds. */
  preparedSeconds: number;
  /** Mean time of a query, milliseconds, all queries in one call. */
  msPerQuery: number;
}

/** What `compareRerankings` tries by itself. */
export const RERANK_LADDER: readonly (readonly RerankName[])[] = [
  [],
  ["whiten"],
  ["qe"],
  ["alpha_qe"],
  ["dba"],
  ["dba", "alpha_qe"],
  ["k_reciprocal"],
  ["whiten", "alpha_qe"],
  ["whiten", "dba", "alpha_qe"],
  ["whiten", "k_reciprocal"],
];

/** The labels of a retrieval set. Shapes: Q queries, N index rows. */
export interface RerankLabels {
  /** [Q]. */
  queries: ArrayLike<number>;
  /** [N]. */
  index: ArrayLike<number>;
}

/**
 * Compares ways to search a model's vectors of the config's retrieval set; differences are from the plain search, with the
 * interval of the paired bootstrap over classes. The competition's metric knows none of these methods: they use what
 * the index holds beside the row that is asked for.
 * @param model as `modelVectors` takes it
 * @param options.codeBits codes of the rows that the plain search is tried with
 * @param options.views kinds of views of the queries that each way is tried with, besides the whole image
 * @throws UserError if there is no retrieval set, or its queries are in its index (methods that move the index's rows
 *   would have seen them)
 * @example
 * rerankTable(await rerankOnHeldOut(config, "backbone"))
 */
export async function rerankOnHeldOut(
  config: ComparisonSettings,
  model: string,
  { ways, views = [], codeBits, ...options }: RerankOptions & { views?: readonly Views[] } = {},
): Promise<RerankRow[]> {
  const files = await heldOutFiles(config.dataDir);
  const inIndex = Array.from(files.own ?? []).filter((row) => row >= 0).length;
  if (inIndex > 0)
    throw new UserError(
      `${inIndex} queries are in the index themselves: re-ranking would have seen them when it prepared the index.`,
      "Use a retrieval set whose queries are no rows of the index: npx guie merge --hold-out makes one.",
    );
  await requireModels(config, [model], options);
  const { queries, index } = await modelVectors(config, model, files, options);
  const sets = new Map<Views, Vectors>([["whole", queries]]);
  for (const kind of views)
    sets.set(kind, (await modelVectors(config, model, files, { views: kind, ...options })).queries);
  const labels = { queries: files.queries.labels, index: files.index.labels };
  return compareRerankings({ queries: sets, index }, labels, { ways, codeBits, ...options });
}

/** Ways to search, by their methods. */
export type RerankWays = readonly (readonly RerankName[])[];

/** What is compared. */
export interface RerankOptions extends BootstrapOptions, ProgressOptions {
  /** Default: `RERANK_LADDER`. */
  ways?: RerankWays | undefined;
  /** Codes of the rows that are searched, too, by the plain search; default: none. */
  codeBits?: readonly CodeBits[] | undefined;
}

/** Compares ways to search vectors, each with all kinds of queries; the plain search is always the first. */
export async function compareRerankings(
  { queries, index }: { queries: ReadonlyMap<Views, Vectors>; index: Vectors },
  labels: RerankLabels,
  { ways = RERANK_LADDER, codeBits = [], onProgress, ...options }: RerankOptions = {},
): Promise<RerankRow[]> {
  const depth = Math.max(10, ...expectedCounts(labels.queries, labels.index));
  const rows: RerankRow[] = [];
  let plain: QueryScores | undefined;
  const all: Pick<RerankRow, "methods" | "codeBits">[] = [
    { methods: [] },
    ...ways.filter((methods) => methods.length > 0).map((methods) => ({ methods })),
    ...codeBits.map((bits) => ({ methods: [], codeBits: bits })),
  ];
  for (const [done, way] of all.entries()) {
    onProgress?.({ stage: "re-ranking", done, total: all.length, unit: "ways" });
    const begun = performance.now();
    const { search } = await searchBy(way, index);
    const preparedSeconds = (performance.now() - begun) / 1000;
    for (const [views, vectors] of queries) {
      const asked = performance.now();
      const { positions } = await search(vectors, depth);
      const msPerQuery = (performance.now() - asked) / vectors.count;
      const scored = scoreQueries(positions, labels.queries, labels.index);
      rows.push({
        ...way,
        views,
        scores: compareScores(scored, plain, options),
        preparedSeconds,
        msPerQuery,
      });
      plain ??= scored;
    }
  }
  return rows;
}

/** Prepares a way to search rows. */
async function searchBy(
  { methods, codeBits }: Pick<RerankRow, "methods" | "codeBits">,
  index: Vectors,
): Promise<Pick<SearchIndex, "search">> {
  if (codeBits === undefined) return rerankedSearch(index, methods);
  return codedIndex(await codeRows(index, codeBits), (row) => rowOf(index, row));
}

/**
 * Returns one flat record per way, for a notebook or a terminal.
 * @example
 * show(rerankTable(await rerankOnHeldOut(config, "demo_fine_tune")));
 */
export function rerankTable(rows: readonly RerankRow[]): Record<string, string | number>[] {
  const hasViews = rows.some(({ views }) => views !== "whole");
  return rows.map(({ methods, codeBits, views, scores, preparedSeconds, msPerQuery }) => ({
    search: codeBits === undefined ? methods.join("+") || "plain" : `codes, ${codeBits} bits a number`,
    ...(hasViews ? { views, passes: planViews(views, 1).parts.length } : {}),
    ...scoreCells({ scores }, ["mp5", "r1"], "gain"),
    "index, s": preparedSeconds.toFixed(2),
    "query, ms": msPerQuery.toFixed(2),
  }));
}
