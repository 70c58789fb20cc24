// Watching of a run, live in a cell.
import { basename } from "node:path";
import { UserError } from "../../common/errors";
import { followRun, isLive, type RunView } from "../../runs/follow";
import { failureText, statusText } from "../../runs/run_status";
import { inNotebook, type LiveDisplay, newLiveDisplay } from "../output/display";
import { figureSvg } from "../output/figure";
import { printAs } from "../output/print_as";
import { tellRunner } from "../output/runner_progress";
import { type NamedRun, nameOfRun } from "./named_run";
import { isWatchedNext } from "./next_cell";
import { runFigure, statusBundle } from "./run_views";
import { figureBundle } from "./show";

/**
 * Share of a core that drawing may take: the pause is ten times the drawing time. (The run is polled twice a second, so
 * curves are drawn at most that often.)
 */
const DRAWING_SHARE = 0.1;
/** Longest pause: the first drawing loads plotly, and its time says nothing about the next. */
const MAX_PAUSE_MS = 5_000;

/**
 * Watches a run in the cell's output while it trains: progress, loss curve, and scores after each epoch. Interrupt ends
 * only the watching, not the run; it can be watched again at any time. If the same cell is run again (its tab was
 * closed, say), it takes over, and so does a cell that only watches this run.
 * @param run its name in checkpoints/, its folder, or the result of startRun()
 * @returns all measurements, once the run has finished or was stopped
 * @throws UserError if the run failed or its process died; Interrupted
 * @example
 * await watchRun("demo_frozen");
 */
export async function watchRun(run: NamedRun): Promise<RunView> {
  const nameOrPath = nameOfRun(run, "watchRun");
  const [status, curve] = [newLiveDisplay(), newLiveDisplay()];
  const drawCurve = throttledDrawing(curve);
  let last: RunView | undefined;
  try {
    const onView = async (view: RunView) => {
      last = view;
      if (inNotebook() || !isLive(view)) status.update(statusBundle(view));
      tellRunner(statusText(view));
      if (inNotebook()) await drawCurve(view);
    };
    await followRun(nameOrPath, onView, () => isWatchedNext(basename(nameOrPath)));
  } finally {
    // Only the final figure is interactive: JupyterLab's plotly ignores updates in place.
    if (last && last.steps.length > 1) curve.update(await figureBundle(runFigure(last)));
  }
  const reason = failureText(last!);
  if (reason)
    throw new UserError(`The run ${basename(last!.folder)} ${reason}.`, "Fix the cause and start it again.");
  return printAs(last!, statusText(last!));
}

/** Returns a function that draws a view's curve, unless the last drawing is too recent. */
function throttledDrawing(curve: LiveDisplay): (view: RunView) => Promise<void> {
  let nextAtMs = 0;
  return async (view) => {
    const startedAtMs = performance.now();
    if (view.steps.length < 2 || startedAtMs < nextAtMs) return;
    const figure = runFigure(view);
    curve.update({ "image/svg+xml": await figureSvg(figure), "text/plain": "The loss so far" });
    const drawnAtMs = performance.now();
    nextAtMs = drawnAtMs + Math.min(MAX_PAUSE_MS, (drawnAtMs - startedAtMs) / DRAWING_SHARE);
  };
}
