// A comparison as a table that people read.
import type { ComparisonRow } from "./evaluation";
import { MEASURES, type Measure } from "./metrics";

/** Columns of a table of comparisons; others follow, two for each measure. */
type Cells = Record<string, string | number>;

/**
 * One flat record a row: every measure as "mean [low, high]", and how it differs from the first model's, signed; a star
 * where the interval of the difference leaves zero out. For tables in a notebook and in a terminal.
 * @param measures which measures, in this order
 */
export function comparisonTable(
  rows: readonly ComparisonRow[],
  measures: readonly Measure[] = ["mp5", "r1", "mapAtR"],
): Cells[] {
  return rows.map(({ model, dataset, index, queries, queriesWithoutMatch, classes, scores }) => {
    const cells: Cells = {
      model,
      queries: dataset,
      index,
      count: queries,
      "no match": queriesWithoutMatch,
      classes,
    };
    for (const measure of measures) {
      const { title } = MEASURES[measure];
      const { mean, low, high, difference } = scores[measure];
      cells[title] = `${share(mean)} [${share(low)}, ${share(high)}]`;
      cells[`${title} against first`] = difference
        ? `${signed(difference.mean)} [${signed(difference.low)}, ${signed(difference.high)}]${isSure(difference) ? " *" : ""}`
        : "";
    }
    return cells;
  });
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
