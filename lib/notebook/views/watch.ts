// Watches a run live in a cell.
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
 * The curves are drawn anew after ten times what drawing took, so that it takes no more than a tenth of a core, and
 * at most twice a second, as often as the run is looked at.
 */
const DRAWING_SHARE = 0.1;
/** The first drawing loads plotly and says nothing of the next. */
const MAX_PAUSE_MS = 5_000;

/**
 * Watches a run while it trains, in the cell's output: progress, loss curve, and what was measured after each epoch.
 * Interrupt ends the watching and leaves the run alone: watch it again at any time.
 * Run again (its tab was closed, say), the same cell takes over, and so does one that only watches this run.
 * @param run its name below checkpoints/, its folder, or what startRun() gave
 * @returns all that was measured, when the run has finished or was stopped
 * @throws UserError when the run failed, or its process is gone without a last word; Interrupted
 * @example
 * await watchRun("demo_frozen");
 */
export async function watchRun(run: NamedRun): Promise<RunView> {
  const nameOrPath = nameOfRun(run, "watchRun");
  const [status, curve] = [newLiveDisplay(), newLiveDisplay()];
  const drawCurve = restrained(curve);
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
    // The finished picture is interactive. While it grew it was not: JupyterLab's plotly ignores updates in place.
    if (last && last.steps.length > 1) curve.update(await figureBundle(runFigure(last)));
  }
  const reason = failureText(last!);
  if (reason)
    throw new UserError(`The run ${basename(last!.folder)} ${reason}.`, "mend the cause and start it again");
  return printAs(last!, statusText(last!));
}

/** Draws the curve of a view, unless the last drawing is too recent. */
function restrained(curve: LiveDisplay): (view: RunView) => Promise<void> {
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
