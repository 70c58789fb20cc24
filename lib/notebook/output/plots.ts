// Builds figures in one style: lines, bars, histograms, heat maps.
import type { Figure } from "./figure";

/** One line of a figure. */
export interface LineSeries {
  name: string;
  x: readonly number[];
  y: readonly number[];
  /** Also mark the points, if there are few. */
  points?: boolean;
  /** Key of its colour in `sideBySide`: lines with the same key share a colour. Default: its name. */
  colourKey?: string;
}

/** One group of bars: a value for each label. */
export interface BarSeries {
  name: string;
  values: readonly number[];
}

/** Texts of a figure: a sentence as title, axis labels with units. */
export interface FigureWords {
  title: string;
  x: string;
  y: string;
}

/** Colours that colour-blind readers can tell apart, on white and on black pages. */
const COLOURS = ["#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#9d755d"];
/** The golden angle: successive hues are far apart for any number of them. */
const HUE_STEP_DEGREES = 137.508;
const TEXT_COLOUR = "#757a82";
const GRID_COLOUR = "rgba(128, 128, 128, 0.25)";
const TITLE_PX = 15;
/** Height above a plot that has a title, and no legend. */
const WITHOUT_LEGEND_PX = 46;

/** Distance of an axis title from the axis's labels. */
const AXIS_TITLE_GAP_PX = 10;

/** Height below a plot: labels and title of its x axis, and a gap to the text below. */
const BELOW_PLOT_PX = 64;

/** Maximum range in which each whole number gets a tick, without halves in between. */
const MAX_WHOLE_TICKS = 12;

/**
 * Returns a figure of lines over a common x axis; `logY` for values over orders of magnitude, `fromZero` if 0 is
 * meaningful.
 * @example
 * show(lineFigure([{ name: "loss", x: [0, 1], y: [2.3, 1.9] }], { title: "Loss", x: "epoch", y: "loss" }));
 */
export function lineFigure(
  series: readonly LineSeries[],
  words: FigureWords & { logY?: boolean; fromZero?: boolean },
): Figure {
  const data = series.map(({ name, x, y, points, colourKey = name }) => ({
    type: "scatter",
    mode: points ? "lines+markers" : "lines",
    name,
    x: [...x],
    y: [...y],
    meta: colourKey,
  }));
  const layout = quietLayout(words, { logY: words.logY, legend: series.length > 1 });
  const all = series.flatMap(({ x, points }) => (points ? x : [Number.NaN]));
  const areFew = all.every(Number.isInteger) && Math.max(...all) - Math.min(...all) <= MAX_WHOLE_TICKS;
  const xaxis = areFew ? { ...layout.xaxis, dtick: 1 } : layout.xaxis;
  const yaxis = words.fromZero ? { ...layout.yaxis, rangemode: "tozero" } : layout.yaxis;
  return { data, layout: { ...layout, xaxis, yaxis } };
}

/**
 * Returns a figure of grouped bars over labels; `logY` is for counts from 1.
 * @example
 * show(barFigure(["a", "b"], [{ name: "images", values: [3, 5] }], { title: "Images", x: "class", y: "images" }));
 */
export function barFigure(
  labels: readonly string[],
  series: readonly BarSeries[],
  words: FigureWords & { logY?: boolean },
): Figure {
  const data = series.map(({ name, values }) => ({ type: "bar", name, x: [...labels], y: [...values] }));
  const layout = quietLayout(words, { logY: words.logY, legend: series.length > 1 });
  // Labels are names, even if they look like numbers.
  const xaxis = { ...layout.xaxis, type: "category", showgrid: false };
  // By default, plotly starts a log axis near the smallest bar, and bars of one item have no height.
  const most = Math.max(1, ...series.flatMap(({ values }) => values));
  const range = words.logY ? { range: [Math.log10(0.7), Math.log10(1.3 * most)] } : {};
  return { data, layout: { ...layout, xaxis, yaxis: { ...layout.yaxis, ...range }, bargap: 0.25 } };
}

/**
 * Returns a histogram of class sizes before and after the steps of the pipeline: bars over class sizes in powers of two
 * (1, 2, 3-4, 5-8, ...), log axis.
 * @param stages name of the stage -> images per class, from classCounts() or as plain numbers
 * @example
 * show(histogramOfClassSizes({ merged: await classCounts("data/demo/final_data_224.csv") }));
 */
export function histogramOfClassSizes(
  stages: Record<string, readonly (number | { images: number })[]>,
  title = "How many classes have how many images",
): Figure {
  const bins = Object.entries(stages).map(([name, counts]) => ({
    name,
    bins: counts.map((count) => sizeBin(typeof count === "number" ? count : count.images)),
  }));
  const last = Math.max(0, ...bins.flatMap((stage) => stage.bins));
  const series = bins.map((stage) => ({ name: stage.name, values: countEach(stage.bins, last + 1) }));
  const labels = Array.from({ length: last + 1 }, (_, bin) => binLabel(bin));
  return barFigure(labels, series, { title, x: "images in the class", y: "classes", logY: true });
}

/** Returns the bin of a class size: 1 -> 0, 2 -> 1, 3..4 -> 2, 5..8 -> 3. */
function sizeBin(images: number): number {
  return Math.max(0, Math.ceil(Math.log2(images)));
}

function binLabel(bin: number): string {
  const [low, high] = [bin === 0 ? 1 : 2 ** (bin - 1) + 1, 2 ** bin];
  return low === high ? String(low) : `${low}–${high}`;
}

function countEach(bins: readonly number[], length: number): number[] {
  const counts = new Array<number>(length).fill(0);
  for (const bin of bins) counts[bin]! += 1;
  return counts;
}

/** Returns `count` colours: the usual ones if they suffice, hues otherwise. */
export function manyColours(count: number): string[] {
  if (count <= COLOURS.length) return COLOURS.slice(0, count);
  const lightness = [42, 55, 66];
  return Array.from({ length: count }, (_, i) => {
    const hue = Math.round((i * HUE_STEP_DEGREES) % 360);
    return `hsl(${hue}, 58%, ${lightness[i % lightness.length]}%)`;
  });
}

/** Escapes text for a figure: plotly treats `<b>` and `<a>` as markup. */
export function plotlyText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

type QuietLayout = ReturnType<typeof quietLayout>;

/** Returns the common layout of all figures: no background, so that it suits light and dark pages. */
export function quietLayout({ title, x, y }: FigureWords, { logY = false, legend = false }) {
  const axis = (text: string) => ({
    title: { text, standoff: AXIS_TITLE_GAP_PX },
    gridcolor: GRID_COLOUR,
    zeroline: false,
    linecolor: GRID_COLOUR,
    automargin: true,
  });
  return {
    title: { text: title, x: 0, xref: "paper", y: 0.97, yanchor: "top", font: { size: TITLE_PX } },
    font: { color: TEXT_COLOUR },
    paper_bgcolor: "rgba(0, 0, 0, 0)",
    plot_bgcolor: "rgba(0, 0, 0, 0)",
    colorway: COLOURS,
    height: 360,
    margin: { l: 60, r: 20, t: legend ? 66 : WITHOUT_LEGEND_PX, b: BELOW_PLOT_PX },
    showlegend: legend,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
    xaxis: axis(x),
    // A log axis has labels only at 1, 10, 100, ..., written in full.
    yaxis: logY ? { ...axis(y), type: "log", dtick: 1, exponentformat: "none" } : axis(y),
  };
}

/** Width of each of two figures side by side, as a share of both. */
const HALF = 0.45;

/** Distance from the plots to a legend below them, as a share of their height: the axes' labels and titles. */
const BELOW = -0.28;

/**
 * Joins two figures side by side, each with its title, axes and legend; lines with the same `colourKey` share a colour.
 * Two equal legends become one below both.
 * @example
 * show(sideBySide(left, right));
 */
export function sideBySide(left: Figure, right: Figure): Figure {
  const [a, b] = [left, right].map(({ layout }) => layout as QuietLayout) as [QuietLayout, QuietLayout];
  const start = 1 - HALF;
  const namesOf = ({ data }: Figure) => JSON.stringify(data.map(({ name }) => name));
  const isOneLegend = a.showlegend && b.showlegend && namesOf(left) === namesOf(right);
  const top = isOneLegend ? WITHOUT_LEGEND_PX : Math.max(a.margin.t, b.margin.t);
  const below = { ...a.legend, y: BELOW, yanchor: "top" };
  const heading = ({ title: { text, font } }: QuietLayout, x: number) => ({
    text,
    font,
    x,
    xref: "paper",
    xanchor: "left",
    showarrow: false,
    y: 1,
    yref: "paper",
    yanchor: "top",
    yshift: top - TITLE_PX / 2,
  });
  const colourKeys = [...new Set([...left.data, ...right.data].map(({ meta }) => meta))];
  const drawn = (trace: Record<string, unknown>, showlegend: boolean, axes: object) => {
    const color = COLOURS[colourKeys.indexOf(trace.meta) % COLOURS.length];
    return { ...trace, line: { color }, marker: { color }, showlegend, ...axes };
  };
  const { title: _, ...common } = a;
  return {
    data: [
      ...left.data.map((trace) => drawn(trace, a.showlegend, {})),
      ...right.data.map((trace) =>
        drawn(trace, b.showlegend && !isOneLegend, { xaxis: "x2", yaxis: "y2", legend: "legend2" }),
      ),
    ],
    layout: {
      ...common,
      margin: { ...a.margin, t: top },
      showlegend: a.showlegend || b.showlegend,
      annotations: [heading(a, 0), heading(b, start)],
      xaxis: { ...a.xaxis, domain: [0, HALF] },
      xaxis2: { ...b.xaxis, domain: [start, 1], anchor: "y2" },
      yaxis2: { ...b.yaxis, anchor: "x2" },
      legend: isOneLegend ? below : a.legend,
      legend2: { ...b.legend, x: start },
    },
  };
}

/** Names of a matrix's rows and columns, and the texts of its cells. */
export interface HeatLabels {
  rows: readonly string[];
  columns: readonly string[];
  texts: readonly (readonly string[])[];
}

/**
 * Returns a heat map of `values[row][column]`; rows from the top.
 * @example
 * show(heatFigure([[1, 0], [0, 1]], { title: "Cosines", x: "row", y: "row" }));
 */
export function heatFigure(
  values: readonly (readonly number[])[],
  words: FigureWords,
  labels?: HeatLabels,
): Figure {
  const named = labels && {
    x: labels.columns.map(plotlyText),
    y: labels.rows.map(plotlyText),
    text: labels.texts.map((row) => [...row]),
    texttemplate: "%{text}",
  };
  const cells = { z: values.map((row) => [...row]), colorscale: "Viridis", hoverongaps: false };
  const layout = quietLayout(words, {});
  const areFew = values.length <= MAX_WHOLE_TICKS;
  const axis = labels ? { type: "category" } : { constrain: "domain", ...(areFew ? { dtick: 1 } : {}) };
  const squares = labels ? {} : { scaleanchor: "x" };
  return {
    data: [{ type: "heatmap", ...cells, ...named }],
    layout: {
      ...layout,
      xaxis: { ...layout.xaxis, ...axis },
      yaxis: { ...layout.yaxis, ...axis, ...squares, autorange: "reversed" },
    },
  };
}
