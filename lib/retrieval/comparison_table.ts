// A comparison as a table that people read.
import type { ComparisonRow } from "./evaluation";
import { MEASURES, type Measure } from "./metrics";

/** Columns of a table of comparisons; others follow, two for each measure. */
type Cells = Record<string, string | number>;

/** What a table of comparisons leaves out. */
export interface ComparisonTableOptions {
  /** Which measures, in this order. */
  measures?: readonly Measure[];
  /** Whether the differences from other models are shown. Default true. */
  differences?: boolean;
}

/**
 * One flat record a row: every measure as "mean [low, high]", and how it differs from the first model's (where
 * models are held against different ones: from the one that is named), signed; a star where the interval of the difference
 * leaves zero out. For tables in a notebook and in a terminal. Queries without a match have a column where there are any,
 * and so have classes that a model was trained on.
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
  const hasLearned = rows.some(({ trainedOn }) => trainedOn !== 0);
  return rows.map((row) => {
    const { model, against, dataset, index, queries, queriesWithoutMatch, classes, trainedOn, scores } = row;
    const cells: Cells = { model, queries: dataset, index, count: queries };
    const [column, of] = isNamed ? ["against", `${against}: `] : ["against first", ""];
    if (hasUnmatched) cells["no match"] = queriesWithoutMatch;
    cells.classes = classes;
    if (hasLearned) cells["trained on"] = trainedOn === "unknown" ? "not known" : trainedOn;
    for (const measure of measures) {
      const { title } = MEASURES[measure];
      const { mean, low, high, difference } = scores[measure];
      cells[title] = `${share(mean)} [${share(low)}, ${share(high)}]`;
      if (differences) cells[`${title} ${column}`] = difference ? of + differenceText(difference) : "";
    }
    return cells;
  });
}

function differenceText(difference: { mean: number; low: number; high: number }): string {
  const { mean, low, high } = difference;
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]${isSure(difference) ? " *" : ""}`;
}

function isSure({ low, high }: { low: number; high: number }): boolean {
  return low > 0 || high < 0;
}

/** .634 */
function share(value: number): string {
  return value.toFixed(3).replace(/^0/, "");
}

/** +.012, -.300 */
function signed(value: number): string {
  return `${value < 0 ? "-" : "+"}${share(Math.abs(value))}`;
}

/** A line that says what the column `trained on` means; "" where the table has none. */
export function trainedOnNote(rows: readonly ComparisonRow[]): string {
  const isNeeded = rows.some(({ trainedOn }) => trainedOn !== 0);
  return isNeeded
    ? "\ntrained on: so many of these classes the model has learned, and its scores are too good; not known: made before runs noted their data."
    : "";
}
