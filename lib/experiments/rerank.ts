// Compares ways to search the same vectors, on held-out classes.
import { UserError } from "../common/errors";
import type { ProgressOptions } from "../common/progress";
import type { ComparisonSettings } from "../config/parts";
import type { BootstrapOptions } from "../retrieval/bootstrap";
import { scoreCells } from "../retrieval/comparison_table";
import { compareScores, type ModelVectors, type Score } from "../retrieval/evaluation";
import { expectedCounts, type Measure, type QueryScores, scoreQueries } from "../retrieval/metrics";
import { type RerankName, rerankedSearch } from "../retrieval/reranking/methods";
import { heldOutFiles, modelVectors, requireModels } from "./ladder";

/** Scores of one way to search. */
export interface RerankRow {
  /** The methods; none: by the vectors as they are. */
  methods: readonly RerankName[];
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
 * @throws UserError if there is no retrieval set, or its queries are in its index (methods that move the index's rows
 *   would have seen them)
 * @example
 * rerankTable(await rerankOnHeldOut(config, "backbone"))
 */
export async function rerankOnHeldOut(
  config: ComparisonSettings,
  model: string,
  { ways, ...options }: { ways?: RerankWays } & BootstrapOptions & ProgressOptions = {},
): Promise<RerankRow[]> {
  const files = await heldOutFiles(config.dataDir);
  const inIndex = Array.from(files.own ?? []).filter((row) => row >= 0).length;
  if (inIndex > 0)
    throw new UserError(
      `${inIndex} queries are in the index themselves: re-ranking would have seen them when it prepared the index.`,
      "Use a retrieval set whose queries are no rows of the index: npx guie merge --hold-out makes one.",
    );
  await requireModels(config, [model], options);
  const vectors = await modelVectors(config, model, files, options);
  return compareRerankings(
    vectors,
    { queries: files.queries.labels, index: files.index.labels },
    { ways, ...options },
  );
}

/** Ways to search, by their methods. */
export type RerankWays = readonly (readonly RerankName[])[];

/** Compares ways to search vectors; the plain search is always the first. Default: `RERANK_LADDER`. */
export async function compareRerankings(
  { queries, index }: Pick<ModelVectors, "queries" | "index">,
  labels: RerankLabels,
  {
    ways = RERANK_LADDER,
    onProgress,
    ...options
  }: { ways?: RerankWays | undefined } & BootstrapOptions & ProgressOptions = {},
): Promise<RerankRow[]> {
  const depth = Math.max(10, ...expectedCounts(labels.queries, labels.index));
  const rows: RerankRow[] = [];
  let plain: QueryScores | undefined;
  const all = [[], ...ways.filter((methods) => methods.length > 0)];
  for (const [done, methods] of all.entries()) {
    onProgress?.({ stage: "re-ranking", done, total: all.length, unit: "ways" });
    const begun = performance.now();
    const { search } = await rerankedSearch(index, methods);
    const ready = performance.now();
    const { positions } = await search(queries, depth);
    const ended = performance.now();
    const scored = scoreQueries(positions, labels.queries, labels.index);
    rows.push({
      methods,
      scores: compareScores(scored, plain, options),
      preparedSeconds: (ready - begun) / 1000,
      msPerQuery: (ended - ready) / queries.count,
    });
    plain ??= scored;
  }
  return rows;
}

/**
 * Returns one flat record per way, for a notebook or a terminal.
 * @example
 * show(rerankTable(await rerankOnHeldOut(config, "demo_fine_tune")));
 */
export function rerankTable(rows: readonly RerankRow[]): Record<string, string | number>[] {
  return rows.map(({ methods, scores, preparedSeconds, msPerQuery }) => ({
    search: methods.join("+") || "plain",
    ...scoreCells({ scores }, ["mp5", "r1"], "gain"),
    "index, s": preparedSeconds.toFixed(2),
    "query, ms": msPerQuery.toFixed(2),
  }));
}
