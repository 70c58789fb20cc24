// Retrieval metrics of several models side by side, as a table for people.
import { intervalText, scoreText, signed } from "../common/words";
import { ALL_DATASETS, type ComparisonRow } from "./evaluation";
import { MEASURES, type Measure } from "./metrics";

/** A row of the table: the model, two columns for each measure, then those about the comparison. */
type Cells = Record<string, string | number>;

/** Options of a comparison table. */
export interface ComparisonTableOptions {
  /** The measures, in this order. */
  measures?: readonly Measure[];
  /** True to show the differences from other models. Default true. */
  differences?: boolean;
}

/**
 * Returns one flat record per row, for a notebook or a terminal: every measure as "mean [low, high]", and its signed
 * difference from the first model's (or from the model in the column "against"), with a star if the interval of the
 * difference excludes zero. Scores come first: they stay in sight in a narrow window. The columns of data sets are left out
 * if all rows are about all queries. Queries without a match and classes that a model was trained on get a column if there
 * are any.
 * @example
 * show(comparisonTable(await compareOnHeldOut(config, ["backbone", "demo_frozen"])));
 */
export function comparisonTable(
  rows: readonly ComparisonRow[],
  { measures = ["mp5", "r1", "mapAtR"], differences = true }: ComparisonTableOptions = {},
): Cells[] {
  const hasUnmatched = rows.some(({ queriesWithoutMatch }) => queriesWithoutMatch > 0);
  const first = rows.find(({ against }) => against === undefined)?.model;
  const isNamed = rows.some(({ against }) => against !== undefined && against !== first);
  const hasParts = rows.some(({ dataset }) => dataset !== ALL_DATASETS);
  const hasLearned = rows.some(({ trainedOn }) => trainedOn !== 0);
  return rows.map((row) => {
    const { model, against, dataset, index, queries, queriesWithoutMatch, classes } = row;
    const about: Cells = hasParts ? { model, queries: dataset, index } : { model };
    const reference: Cells = differences && isNamed ? { against: against ?? "" } : {};
    const gain = isNamed ? "gain" : "against first";
    const counts: Cells = { count: queries };
    if (hasUnmatched) counts["no match"] = queriesWithoutMatch;
    counts.classes = classes;
    if (hasLearned) counts["trained on"] = trainedOnCell(row);
    return {
      ...about,
      ...scoreCells(row, measures, differences ? gain : undefined),
      ...reference,
      ...counts,
    };
  });
}

/** Returns each measure with its interval. @param gain title of the differences; undefined leaves them out */
export function scoreCells(
  { scores }: Pick<ComparisonRow, "scores">,
  measures: readonly Measure[],
  gain: string | undefined,
): Cells {
  const cells: Cells = {};
  for (const measure of measures) {
    const { title } = MEASURES[measure];
    const { mean, low, high, difference } = scores[measure];
    cells[title] = withInterval(mean, { low, high });
    if (gain !== undefined) cells[`${title} ${gain}`] = difference ? differenceText(difference) : "";
  }
  return cells;
}

function differenceText(difference: { mean: number; low: number; high: number }): string {
  const { mean, low, high } = difference;
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]${isSure(difference) ? " *" : ""}`;
}

/** Formats a share with its interval: "0.634 [0.601, 0.667]". */
export function withInterval(mean: number, { low, high }: { low: number; high: number }): string {
  return `${scoreText(mean)} ${intervalText({ low, high })}`;
}

/** Tells whether an interval excludes zero. */
export function isSure({ low, high }: { low: number; high: number }): boolean {
  return low > 0 || high < 0;
}

/** The comparison of some models on one data directory. */
interface OnData {
  dataDir: string;
  rows: readonly ComparisonRow[];
}

/**
 * Returns one record per model, with two columns per data directory: its mP@5 as "mean [low, high]" and the difference
 * from the first model, with a star if its interval excludes zero. Classes that a model was trained on get a column.
 * @param comparisons the same models on each directory, all their queries
 */
export function crossTable(comparisons: readonly OnData[]): Cells[] {
  const models = comparisons[0]?.rows.map(({ model }) => model) ?? [];
  return models.map((model, place) => {
    const cells: Cells = { model };
    for (const { dataDir, rows } of comparisons) {
      const { mean, low, high, difference } = rows[place]!.scores.mp5;
      cells[`mP@5 ${dataDir}`] = withInterval(mean, { low, high });
      if (models.length > 1)
        cells[`${dataDir} against ${models[0]}`] = difference ? differenceText(difference) : "";
      if (rows.some(({ trainedOn }) => trainedOn !== 0))
        cells[`${dataDir} trained on`] = trainedOnCell(rows[place]!);
    }
    return cells;
  });
}

/**
 * Returns a sentence per loss: a model whose mP@5 is below the first one's on a data directory, interval and all;
 * "demo_frozen loses 0.023 [0.010, 0.036] on data/grocery against backbone".
 */
export function lossSentences(comparisons: readonly OnData[]): string[] {
  return comparisons.flatMap(({ dataDir, rows }) =>
    rows.flatMap(({ model, against, scores: { mp5 } }) => {
      const { difference } = mp5;
      if (!difference || difference.high >= 0) return [];
      const lost = intervalText({ low: -difference.high, high: -difference.low });
      return [`${model} loses ${scoreText(-difference.mean)} ${lost} on ${dataDir} against ${against}`];
    }),
  );
}

function trainedOnCell({ trainedOn }: ComparisonRow): string | number {
  return trainedOn === "unknown" ? "not known" : trainedOn;
}

/** Returns a line that explains the column `trained on`; "" if the table has none. */
export function trainedOnNote(rows: readonly ComparisonRow[]): string {
  const isNeeded = rows.some(({ trainedOn }) => trainedOn !== 0);
  return isNeeded
    ? "\ntrained on: number of these classes that the model was trained on, which makes its scores too good; not known: the run is older than the notes on its data."
    : "";
}
