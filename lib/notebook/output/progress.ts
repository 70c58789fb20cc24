// Progress bars in a cell.

import { escapeHtml } from "../../common/html";
import {
  describeProgress,
  formatSeconds,
  type OnProgress,
  type ProgressReport,
  type StageStart,
  showProgressBy,
  terminalProgress,
} from "../../common/progress";
import { inNotebook, type MimeBundle, newLiveDisplay } from "./display";
import { PROGRESS_IS_HIDDEN, tellRunner } from "./runner_progress";

const PAUSE_MS = 250;
const BAR_COLOUR = "#4c78a8";
const DONE_COLOUR = "#2ca25f";

/** One stage of a task: its last report with its time by performance.now(), and its start. */
interface StageState {
  report: ProgressReport;
  start: StageStart;
  nowMs: number;
}

/**
 * Returns a handler that draws progress bars in the cell's output, one per stage, redrawn in place at most 4 times a
 * second; the end of a stage is always shown. Outside a notebook, it prints lines to the terminal.
 * @example
 * await trainFeatures(config, notebookProgress());
 */
export function notebookProgress(): OnProgress {
  if (!inNotebook()) return terminalProgress();
  const display = newLiveDisplay();
  const stages = new Map<string, StageState>();
  let shownAtMs = Number.NEGATIVE_INFINITY;
  let overdue: NodeJS.Timeout | undefined;
  const showNow = () => {
    clearTimeout(overdue);
    overdue = undefined;
    shownAtMs = performance.now();
    const bundle = stagesBundle([...stages.values()]);
    if (!PROGRESS_IS_HIDDEN) display.update(bundle);
    tellRunner(String(bundle["text/plain"]).split("\n").at(-1)!);
  };
  return (report) => {
    const nowMs = performance.now();
    const start = stages.get(report.stage)?.start ?? { startedAtMs: nowMs, doneBefore: report.done };
    stages.set(report.stage, { report, start, nowMs });
    if (report.done >= report.total || nowMs - shownAtMs >= PAUSE_MS) showNow();
    // Also shows the last report before work stops for any reason.
    else overdue ??= setTimeout(showNow, PAUSE_MS);
  };
}

showProgressBy(notebookProgress);

function stagesBundle(stages: StageState[]): MimeBundle {
  const lines = stages.map((stage) => ({ report: stage.report, text: stageText(stage) }));
  return {
    "text/html": lines
      .map(({ report: { done, total }, text }) => barHtml(text, total === 0 ? 1 : done / total))
      .join(""),
    "text/plain": lines.map(({ text }) => text).join("\n"),
  };
}

/** Returns "resize: 5,000/5,100 ..." while the stage runs; adds its total time at the end. */
function stageText({ report, start, nowMs }: StageState): string {
  const text = describeProgress(report, start, nowMs);
  if (report.done < report.total) return text;
  return `${text}, done in ${formatSeconds((nowMs - start.startedAtMs) / 1000)}`;
}

/** Returns a bar filled to `share` (0..1) with a line of text above it, as HTML. */
export function barHtml(text: string, share: number): string {
  const percent = Math.min(100, Math.max(0, 100 * share)).toFixed(1);
  const colour = share < 1 ? BAR_COLOUR : DONE_COLOUR;
  return (
    `<div style="margin: 4px 0; max-width: 640px"><div>${escapeHtml(text)}</div>` +
    `<div style="height: 6px; border-radius: 3px; background: rgba(128, 128, 128, 0.25)">` +
    `<div style="height: 6px; border-radius: 3px; width: ${percent}%; background: ${colour}"></div></div></div>`
  );
}
