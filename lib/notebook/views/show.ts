// The function that shows anything in a cell: tables, figures, grids, graphs, runs.
import { inspect } from "node:util";
import { UserError } from "../../common/errors";
import { type RunView, viewRun } from "../../runs/follow";
import type { RunHandle } from "../../training/launcher";
import { display, inNotebook, type MimeBundle } from "../output/display";
import type { Drawing } from "../output/drawing";
import { type Figure, figureSvg } from "../output/figure";
import { type TableOptions, tableOf, tableText } from "../output/table";
import { liveTableHtml } from "../output/table_html";
import { showWidget } from "../widgets/show_widget";
import { isWidget } from "../widgets/widget";
import { type DrawableGraph, drawGraph } from "./graph_drawing";
import { inspectionGrid, isInspectReport } from "./inspection_views";
import { runFigure, statusBundle } from "./run_views";

const PLOTLY_MIME = "application/vnd.plotly.v1+json";

/**
 * Shows a value as an output of the cell: a danfojs DataFrame or Series or an array of objects as a table (sorted on a
 * click on a header, in pages, with a search), a plotly figure `{ data, layout }`, an image grid, a traced function as
 * its graph, a run as its curves, the report of an inspection as its pictures, a slider or another widget; anything
 * else as Node prints it. A promise is awaited first. Prints text outside a notebook.
 *
 *     await show(new DataFrame(rows), { title: "Classes", maxRows: 10 });
 * @example
 * await show([{ model: "backbone", mp5: 0.33 }]); // a table
 */
export async function show(value: unknown, options: TableOptions = {}): Promise<void> {
  const shown = await value;
  if (isWidget(shown)) return showWidget(shown);
  if (isRun(shown)) return showRun(shown);
  if (isInspectReport(shown)) return display((await inspectionGrid(shown)).bundle);
  display(await bundleOf(shown, options));
}

/** Shows the current state of a run. */
async function showRun({ folder }: { folder: string }): Promise<void> {
  const view = viewRun(folder);
  display(statusBundle(view));
  if (view.steps.length > 1) display(await figureBundle(runFigure(view)));
}

function isRun(value: unknown): value is { folder: string } {
  const run = value as Partial<RunHandle & RunView> | null;
  return typeof run?.folder === "string" && (Array.isArray(run.steps) || typeof run.stop === "function");
}

/** Returns the output of a value that is no widget and no run. */
export async function bundleOf(value: unknown, options: TableOptions): Promise<MimeBundle> {
  // Tables first: a DataFrame has a property for each of its columns, perhaps "bundle" or "data".
  const table = tableOf(value);
  if (table) return { "text/html": liveTableHtml(table, options), "text/plain": tableText(table, options) };
  if (isDrawing(value)) return value.bundle;
  if (isFigure(value)) return figureBundle(value);
  if (isGraph(value)) return drawGraph(value).bundle;
  return { "text/plain": typeof value === "string" ? value : inspect(value) };
}

function isDrawing(value: unknown): value is Drawing {
  return typeof (value as Drawing | null | undefined)?.bundle === "object";
}

function isGraph(value: unknown): value is DrawableGraph {
  return typeof (value as DrawableGraph | null)?.outline === "function";
}

function isFigure(value: unknown): value is Figure {
  const figure = value as Partial<Figure> | null;
  return Array.isArray(figure?.data) && typeof (figure.layout ?? {}) === "object";
}

/**
 * Returns a figure in three forms: interactive for JupyterLab, SVG for GitHub, nbconvert and others, and text.
 * (With a PNG in the bundle, JupyterLab's plotly renderer would show that picture until the mouse moves over it.)
 */
export async function figureBundle(figure: Figure): Promise<MimeBundle> {
  const text = { "text/plain": figureText(figure) };
  if (!inNotebook()) return text;
  // Not `responsive`: JupyterLab fits the figure itself; with both, it vanishes when the window gets taller.
  const config = { displaylogo: false };
  const interactive = { [PLOTLY_MIME]: { data: figure.data, layout: { ...figure.layout }, config } };
  try {
    return { ...interactive, "image/svg+xml": await figureSvg(figure), ...text };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...interactive, "text/plain": `${text["text/plain"]}\n${error.message}` };
  }
}

/** Returns a figure as text: "Figure: The loss falls (scatter loss)". */
function figureText({ data, layout }: Figure): string {
  const title = titleOf(layout) || "without a title";
  const traces = data.map((trace) => [trace.type ?? "scatter", trace.name].filter(Boolean).join(" "));
  return `Figure: ${title} (${traces.join(", ")})`;
}

/** Returns a figure's title, or the headings of its halves: "Loss; Margin". */
function titleOf({ title, annotations = [] }: Figure["layout"] = {}): string {
  if (title) return String((title as { text?: string }).text ?? title);
  return (annotations as { text?: string }[]).flatMap(({ text }) => text ?? []).join("; ");
}
