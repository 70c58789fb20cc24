// Comparison of models on the same queries and index. Shapes: Q queries, N index rows.
import { recordOf } from "../common/typed_keys";
import { pickRows, type Vectors } from "../common/vectors";
import { type BootstrapOptions, bootstrapMeans, type Interval, intervalOf } from "./bootstrap";
import {
  expectedCounts,
  MEASURE_NAMES,
  type Measure,
  meanOf,
  type QueryScores,
  scoreQueries,
} from "./metrics";
import { type NeighbourOptions, nearestNeighbours, positionsOf } from "./neighbours";

/** Classes of queries and index; class numbers are unique over all data sets. */
export interface RetrievalLabels {
  /** [Q]. */
  queryLabels: ArrayLike<number>;
  /** [N]. */
  indexLabels: ArrayLike<number>;
  /** The data set of each query, [Q], if there are several. */
  queryDatasets?: readonly string[] | undefined;
  /** The data set of each row of the index, [N]. */
  indexDatasets?: readonly string[] | undefined;
  /** Position of each query in the index, -1 if it is not in it; `same`: the queries are the index. */
  own?: NeighbourOptions["own"];
}

/** A model's vectors of the queries and of the index. */
export interface ModelVectors {
  name: string;
  queries: Vectors;
  index: Vectors;
  /** The classes that the model was trained on, if known. */
  learned?: ReadonlySet<number> | "unknown";
}

/** A mean with its interval, and its difference from another model's. */
export interface Score extends Interval {
  mean: number;
  /** Undefined for the first model. */
  difference: (Interval & { mean: number }) | undefined;
}

/** Options of a comparison. */
export interface ComparisonOptions extends BootstrapOptions {
  /**
   * The model that each is compared with: the first (default); the previous one, rung by rung; or the best before it: the
   * last whose mP@5 was higher, interval and all, than that of the best before it.
   */
  against?: "first" | "previous" | "best";
}

/** Scores of one model on one set of queries. */
export interface ComparisonRow {
  model: string;
  /** The model that it is compared with; undefined for the first. */
  against: string | undefined;
  /** The data set of the queries, or `all`. */
  dataset: string;
  /** The index that is searched: all data sets together, or only the queries' own. */
  index: "merged" | "own";
  /** Number of queries that count. */
  queries: number;
  /** Number of queries without an expected image in the index, which do not count. */
  queriesWithoutMatch: number;
  /** Number of classes of the queries that count. */
  classes: number;
  /** Number of these classes that the model was trained on; their scores are too good. */
  trainedOn: number | "unknown";
  scores: Record<Measure, Score>;
  /** Against the best: the difference of mP@5 from the first model's, one yardstick for all rows. */
  fromFirst?: Score["difference"];
}

/** Name of the set of all queries. */
export const ALL_DATASETS = "all";

/**
 * Compares models on the same queries: every measure with a confidence interval by a bootstrap over classes, and its
 * difference from another model's with the interval of the paired bootstrap (same draws). Returns one row per model for
 * all queries in the merged index; if data sets are given, also for the queries of each data set, in the merged index
 * and in their own part of it.
 * @example
 * const rows = await compareModels([{ name: "mine", queries, index }], labels);
 */
export async function compareModels(
  models: readonly ModelVectors[],
  labels: RetrievalLabels,
  { against = "first", ...options }: ComparisonOptions = {},
): Promise<ComparisonRow[]> {
  const parts = partsOf(labels);
  const rows: ComparisonRow[][] = parts.map(() => []);
  const references: Reference[] = [];
  const firsts: Reference[] = [];
  for (const { name, queries, index, learned } of models) {
    for (const [i, part] of parts.entries()) {
      const scores = await scorePart(queries, index, labels, part);
      const reference = references[i];
      const compared = compareScores(scores, reference?.scores, options);
      rows[i]!.push({
        model: name,
        against: reference?.name,
        ...describe(part, scores, learned),
        scores: compared,
        ...(against === "best" ? { fromFirst: differenceFromFirst(scores, firsts[i], options) } : {}),
      });
      firsts[i] ??= { name, scores };
      if (!reference || isNextReference(compared, against)) references[i] = { name, scores };
    }
  }
  return rows.flat();
}

/** A model that others are compared with, and its scores. */
export interface Reference {
  name: string;
  scores: QueryScores;
}

/** Returns the difference of mP@5 from the first model's; undefined for the first itself. */
export function differenceFromFirst(
  scores: QueryScores,
  first: Reference | undefined,
  options: BootstrapOptions,
): Score["difference"] {
  return first && compareScores(scores, first.scores, options).mp5.difference;
}

/** Tells whether the models that follow are compared with this one, in place of the reference before it. */
export function isNextReference(
  { mp5 }: Pick<ComparisonRow["scores"], "mp5">,
  against: NonNullable<ComparisonOptions["against"]>,
): boolean {
  return against === "previous" || (against === "best" && (mp5.difference?.low ?? 0) > 0);
}

/** Queries, and the rows that are searched for them. */
interface Part {
  dataset: string;
  index: ComparisonRow["index"];
  /** Positions of the queries. */
  queryRows: number[];
  indexRows: number[];
}

function partsOf({ queryLabels, indexLabels, queryDatasets, indexDatasets }: RetrievalLabels): Part[] {
  const whole = (count: number) => Array.from({ length: count }, (_, row) => row);
  const [allQueries, allRows] = [whole(queryLabels.length), whole(indexLabels.length)];
  const all: Part = { dataset: ALL_DATASETS, index: "merged", queryRows: allQueries, indexRows: allRows };
  const names = [...new Set(queryDatasets ?? [])].sort();
  if (names.length < 2) return [all];
  const ofDataset = (dataset: string): Part[] => {
    const queryRows = allQueries.filter((query) => queryDatasets![query] === dataset);
    const own = allRows.filter((row) => indexDatasets?.[row] === dataset);
    const merged: Part = { dataset, index: "merged", queryRows, indexRows: allRows };
    return indexDatasets ? [merged, { dataset, index: "own", queryRows, indexRows: own }] : [merged];
  };
  return [all, ...names.flatMap(ofDataset)];
}

/** Scores the queries of a part, in its order. */
async function scorePart(
  queries: Vectors,
  index: Vectors,
  labels: RetrievalLabels,
  { queryRows, indexRows }: Part,
): Promise<QueryScores> {
  const partLabels = queryRows.map((row) => labels.queryLabels[row]!);
  const partIndex = indexRows.map((row) => labels.indexLabels[row]!);
  const places = new Map(indexRows.map((row, place) => [row, place]));
  const own = positionsOf(queries, labels.own);
  const ownPositions = own && Int32Array.from(queryRows, (row) => places.get(own[row]!) ?? -1);
  const largest = expectedCounts(partLabels, partIndex, ownPositions).reduce((a, b) => Math.max(a, b), 0);
  const k = Math.max(10, largest);
  const found = await nearestNeighbours(
    pick(queries, queryRows),
    pick(index, indexRows),
    k,
    ownPositions ? { own: ownPositions } : {},
  );
  return scoreQueries(found.positions, partLabels, partIndex, ownPositions ? { ownPositions } : {});
}

/** Returns some rows of vectors; all rows are not copied. */
function pick(vectors: Vectors, rows: readonly number[]): Vectors {
  return rows.length === vectors.count ? vectors : pickRows(vectors, rows);
}

function describe(
  { dataset, index }: Part,
  { labels, expected }: QueryScores,
  learned: ModelVectors["learned"] = new Set(),
): Omit<ComparisonRow, "model" | "against" | "scores"> {
  const queries = expected.filter((count) => count > 0).length;
  const asked = new Set(Array.from(labels).filter((_, query) => expected[query]! > 0));
  const trainedOn = learned === "unknown" ? learned : [...asked].filter((label) => learned.has(label)).length;
  const queriesWithoutMatch = expected.length - queries;
  return { dataset, index, queries, queriesWithoutMatch, classes: asked.size, trainedOn };
}

/** Compares every measure of a model's queries with another model's, if there is one; both have the same queries. */
export function compareScores(
  scores: QueryScores,
  reference: QueryScores | undefined,
  options: BootstrapOptions,
): Record<Measure, Score> {
  const other = reference ?? scores;
  const lists = MEASURE_NAMES.flatMap((measure) => [scores.values[measure], other.values[measure]]);
  const hasQueries = scores.expected.some((count) => count > 0);
  const resampled = hasQueries
    ? bootstrapMeans(scores.labels, lists, options)
    : lists.map(() => Float64Array.of(0));
  return recordOf(MEASURE_NAMES, (measure, i): Score => {
    const [ours, theirs] = [resampled[2 * i]!, resampled[2 * i + 1]!];
    const mean = meanOf(scores.values[measure]);
    const difference = {
      mean: mean - meanOf(other.values[measure]),
      ...intervalOf(
        ours.map((value, resample) => value - theirs[resample]!),
        options,
      ),
    };
    return { mean, ...intervalOf(ours, options), difference: reference && difference };
  });
}
