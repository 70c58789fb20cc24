// Figures of retrieval scores.
import type { DatasetConfusion } from "../../retrieval/confusion";
import { ALL_DATASETS, type ComparisonRow } from "../../retrieval/evaluation";
import { MEASURES, type Measure } from "../../retrieval/metrics";
import type { Figure } from "../output/figure";
import { barFigure, heatFigure } from "../output/plots";

/** Colour scale from nearly white to the colour of a bar. */
const SCALE = [
  [0, "#eef3f8"],
  [1, "#2f5f95"],
];

/** Measures of the ladder. */
const SHOWN: readonly Measure[] = ["mp5", "r1"];

/**
 * Draws models compared on all queries as bars with confidence intervals.
 * @example
 * show(comparisonFigure(await compareOnHeldOut(config, ["backbone", "demo_frozen"])));
 */
export function comparisonFigure(rows: readonly ComparisonRow[]): Figure {
  const models = rows.filter(({ dataset }) => dataset === ALL_DATASETS);
  const series = SHOWN.map((measure) => ({
    name: MEASURES[measure].title,
    values: models.map(({ scores }) => scores[measure].mean),
  }));
  const isMarked = models.some(({ trainedOn }) => trainedOn !== 0);
  const note = isMarked ? " (* trained on some of these classes, or unknown)" : "";
  const words = { title: `Retrieval of held-out classes, model by model${note}`, x: "", y: "share" };
  const figure = barFigure(
    models.map(({ model, trainedOn }) => (trainedOn === 0 ? model : `${model} *`)),
    series,
    words,
  );
  const withIntervals = figure.data.map((trace, i) => {
    const scores = models.map((row) => row.scores[SHOWN[i]!]);
    const above = scores.map(({ mean, high }) => high - mean);
    const below = scores.map(({ mean, low }) => mean - low);
    const bars = { type: "data", symmetric: false, array: above, arrayminus: below };
    return { ...trace, error_y: { ...bars, color: "#757a82", thickness: 1.2, width: 4 } };
  });
  return { ...figure, data: withIntervals };
}

/**
 * Draws which data sets are confused: a row per data set of queries, a column per data set of wrong nearest neighbours.
 * The colour is the share of the row's queries, the cell's text their count.
 * @example
 * show(confusionFigure(await confusionOnHeldOut(config, "demo_fine_tune")));
 */
export function confusionFigure(rows: readonly DatasetConfusion[]): Figure {
  const columns = [...new Set(rows.flatMap(({ shares }) => Object.keys(shares)))].sort();
  const countOf = ({ shares, wrong }: DatasetConfusion, column: string) => (shares[column] ?? 0) * wrong;
  const values = rows.map((row) => columns.map((column) => countOf(row, column) / Math.max(1, row.queries)));
  const texts = rows.map((row) =>
    columns.map((column) => String(Math.round(countOf(row, column))).replace(/^0$/, "")),
  );
  const words = {
    title: "Where the wrong nearest neighbours come from",
    x: "data set of the wrong neighbour",
    y: "data set of the query",
  };
  const names = rows.map(({ dataset, queries, wrong }) => `${dataset} (${wrong} of ${queries} wrong)`);
  const figure = heatFigure(values, words, { rows: names, columns, texts });
  const scale = { colorscale: SCALE, zmin: 0 };
  const bar = { tickformat: "0.0%", thickness: 12, outlinewidth: 0 };
  return { ...figure, data: figure.data.map((trace) => ({ ...trace, ...scale, colorbar: bar })) };
}
