import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../common/errors";
import { formatSeconds } from "../common/progress";
import type { StepMetric } from "../training/metrics";
import { inNotebook, type LiveDisplay, type MimeBundle, newLiveDisplay } from "./display";
import { type Figure, figureSvg } from "./figure";
import { followRun, isLive, type RunView } from "./follow";
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
/** The speed is that of the last steps. */
const RECENT_STEPS = 50;

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
  const reason = reasonOf(last!);
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
  const table = evaluationTable(view);
  const hasTable = table.rows.length > 0;
  const bar = barHtml(text, view.state === "finished" ? 1 : step ? step.step / step.totalSteps : 0);
  return {
    "text/html": `${bar}${hasTable ? tableHtml(table) : ""}`,
    "text/plain": `${text}${hasTable ? `\n${tableText(table)}` : ""}`,
  };
}

/** One line: where the run stands, how fast it is, how long it will take. */
function statusText(view: RunView): string {
  const step = view.steps.at(-1);
  const name = basename(view.folder);
  const state = STATES[view.state];
  if (!step) return `${name}: ${state}${isLive(view) ? lastOutput(view.folder) : ""}`;
  const { loss, learningRate, imagesPerSecond, totalSteps, epoch } = step;
  const left = view.state === "running" ? `, ${formatSeconds(secondsLeft(view.steps))} left` : "";
  return (
    `${name}: ${state}, epoch ${epoch}, step ${step.step}/${totalSteps}, ` +
    `${imagesPerSecond.toFixed(1)} images/s${left}, loss ${loss.toFixed(3)}, lr ${learningRate.toExponential(2)}`
  );
}

const STATES: Record<RunView["state"], string> = {
  starting: "starting",
  running: "running",
  finished: "finished",
  stopped: "stopped (started again, it goes on)",
  failed: "failed",
  lost: "its process is gone",
};

/** Why a run ended before its time, and where to read more; "" for one that did not. */
function reasonOf({ state, end, folder }: RunView): string {
  const output = `what it printed is in ${join(folder, "output.txt")}`;
  if (state === "failed") return `failed: ${end?.message}; ${output}`;
  return state === "lost" ? `ended without a last word (killed, or out of memory?); ${output}` : "";
}

/** While a run prepares itself (reads tables, embeds images), the last line that it printed. */
function lastOutput(folder: string): string {
  const path = join(folder, "output.txt");
  const line = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n").at(-1) : "";
  return line ? `: ${line}` : "";
}

function secondsLeft(steps: readonly StepMetric[]): number {
  const recent = steps.slice(-RECENT_STEPS);
  const [first, last] = [recent[0]!, recent.at(-1)!];
  if (recent.length < 2) return Number.NaN;
  const secondsPerStep = (last.elapsedSeconds - first.elapsedSeconds) / (last.step - first.step);
  return secondsPerStep * (last.totalSteps - last.step);
}

/** One row for each epoch: the validation fold, and retrieval on held-out classes. */
function evaluationTable({ validations, retrievals }: RunView): Table {
  const epochs = [...new Set([...validations, ...retrievals].map((metric) => metric.epoch))].sort(
    (a, b) => a - b,
  );
  const rows = epochs.map((epoch) => {
    const validation = validations.find((metric) => metric.epoch === epoch);
    const retrieval = retrievals.find((metric) => metric.epoch === epoch);
    return [epoch, validation?.loss, validation?.top1, validation?.top5, retrieval?.mp5, retrieval?.r1];
  });
  return { columns: ["epoch", "validation loss", "top-1", "top-5", "held-out mP@5", "held-out R@1"], rows };
}
