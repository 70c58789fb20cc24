import { basename } from "node:path";
import { UserError } from "../common/errors";
import { followRun, isLive, type RunView } from "../training/follow";
import type { StepMetric } from "../training/metrics";
import { EVALUATION_COLUMNS, evaluationRows, failureText, statusText } from "../training/run_status";
import { inNotebook, type LiveDisplay, type MimeBundle, newLiveDisplay } from "./display";
import { type Figure, figureSvg } from "./figure";
import { lineFigure } from "./plots";
import { barHtml } from "./progress";
import { tellRunner } from "./runner";
import { figureBundle } from "./show";
import { type Table, tableHtml, tableText } from "./table";

const MAX_POINTS = 500;
/** The curve is drawn anew after ten times what drawing took, so that it takes no more than a tenth of a core. */
const DRAWING_SHARE = 0.1;
/** The first drawing loads plotly and says nothing of the next. */
const MAX_PAUSE_MS = 5_000;

/**
 * Watches a run while it trains, in the cell's output: progress, loss curve, and what was measured after each epoch.
 * Interrupt ends the watching and leaves the run alone: watch it again at any time.
 * @param nameOrPath the run's name below checkpoints/, or its folder
 * @returns all that was measured, when the run has finished or was stopped
 * @throws UserError when the run failed, or its process is gone without a last word; Interrupted
 */
export async function watchRun(nameOrPath: string): Promise<RunView> {
  const [status, curve] = [newLiveDisplay(), newLiveDisplay()];
  const drawCurve = restrained(curve);
  let last: RunView | undefined;
  try {
    await followRun(nameOrPath, async (view) => {
      last = view;
      if (inNotebook() || !isLive(view)) status.update(statusBundle(view));
      tellRunner(statusText(view));
      if (inNotebook()) await drawCurve(view);
    });
  } finally {
    // The finished picture is interactive. While it grew it was not: JupyterLab's plotly ignores updates in place.
    if (last && last.steps.length > 1) curve.update(await figureBundle(lossFigure(last)));
  }
  const reason = failureText(last!);
  if (reason)
    throw new UserError(`The run ${basename(last!.folder)} ${reason}.`, "mend the cause and start it again");
  return last!;
}

/** Draws the curve of a view, unless the last drawing is too recent. */
function restrained(curve: LiveDisplay): (view: RunView) => Promise<void> {
  let nextAtMs = 0;
  return async (view) => {
    const startedAtMs = performance.now();
    if (view.steps.length < 2 || startedAtMs < nextAtMs) return;
    const figure = lossFigure(view);
    curve.update({ "image/svg+xml": await figureSvg(figure), "text/plain": "The loss so far" });
    const drawnAtMs = performance.now();
    nextAtMs = drawnAtMs + Math.min(MAX_PAUSE_MS, (drawnAtMs - startedAtMs) / DRAWING_SHARE);
  };
}

function lossFigure({ folder, steps }: RunView): Figure {
  const { x, y, meanOf } = thinned(steps);
  const title = `The loss of ${basename(folder)}${meanOf > 1 ? `, mean of ${meanOf} steps` : ""}`;
  return lineFigure([{ name: "loss", x, y }], { title, x: "step", y: "loss" });
}

/** At most 500 points: each the mean over as many steps as it takes, at the last of them. */
function thinned(steps: readonly StepMetric[]): { x: number[]; y: number[]; meanOf: number } {
  const meanOf = Math.ceil(steps.length / MAX_POINTS);
  const [x, y]: number[][] = [[], []];
  for (let first = 0; first < steps.length; first += meanOf) {
    const group = steps.slice(first, first + meanOf);
    x!.push(group.at(-1)!.step);
    y!.push(group.reduce((sum, step) => sum + step.loss, 0) / group.length);
  }
  return { x: x!, y: y!, meanOf };
}

function statusBundle(view: RunView): MimeBundle {
  const text = statusText(view);
  const step = view.steps.at(-1);
  const table: Table = { columns: EVALUATION_COLUMNS, rows: evaluationRows(view) };
  const hasTable = table.rows.length > 0;
  const bar = barHtml(text, view.state === "finished" ? 1 : step ? step.step / step.totalSteps : 0);
  return {
    "text/html": `${bar}${hasTable ? tableHtml(table) : ""}`,
    "text/plain": `${text}${hasTable ? `\n${tableText(table)}` : ""}`,
  };
}
