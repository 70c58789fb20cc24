// A run as a person sees it.
import { statSync } from "node:fs";
import { basename } from "node:path";
import { UserError } from "../../common/errors";
import { formatSeconds } from "../../common/progress";
import { baselineText } from "../../runs/baseline";
import { isLive, type RunView } from "../../runs/follow";
import { readRunConfig, runFile } from "../../runs/run_folder";
import { evaluationTable, scoredOnLine, statusText } from "../../runs/run_status";
import type { MimeBundle } from "../output/display";
import type { Figure } from "../output/figure";
import { escapeHtml } from "../output/html";
import { type LineSeries, lineFigure, sideBySide } from "../output/plots";
import { barHtml } from "../output/progress";
import { type Table, tableText } from "../output/table";
import { tableHtml } from "../output/table_html";
import { settingsText } from "./training_views";

/** What is measured at the end of each epoch, as curves. */
export const EVALUATIONS = [
  { name: "mP@5", of: ({ retrievals }: RunView) => retrievals.map(({ epoch, mp5 }) => ({ epoch, y: mp5 })) },
  { name: "R@1", of: ({ retrievals }: RunView) => retrievals.map(({ epoch, r1 }) => ({ epoch, y: r1 })) },
  {
    name: "top-1",
    of: ({ validations }: RunView) => validations.map(({ epoch, top1 }) => ({ epoch, y: top1 })),
  },
];

/** The curves of a run: its loss, and from the second epoch on what was measured after each. */
export function runFigure(view: RunView): Figure {
  const { folder, steps, stepsPerPoint } = view;
  const title = `Loss of ${basename(folder)}${stepsPerPoint > 1 ? `, means of ${stepsPerPoint} steps` : ""}`;
  const loss = lineFigure([lossSeries(view, "loss")], { title, x: "step", y: "loss" });
  const evaluations = EVALUATIONS.map(({ name, of }) => byEpoch(name, of(view))).filter(
    ({ x }) => x.length > 1,
  );
  if (steps.length < 2 || evaluations.length === 0) return loss;
  return sideBySide(loss, lineFigure(evaluations, { title: "After each epoch", x: "epoch", y: "share" }));
}

/** The losses as a line. */
export function lossSeries({ steps }: RunView, name: string): LineSeries {
  return { name, x: steps.map(({ step }) => step), y: steps.map(({ loss }) => loss) };
}

/** What was measured after each epoch as a line. */
export function byEpoch(name: string, values: { epoch: number; y: number }[]): LineSeries {
  return { name, x: values.map(({ epoch }) => epoch), y: values.map(({ y }) => y), points: true };
}

/**
 * Where a run stands: a line with its bar, a table of what was measured after each epoch, the settings that it was
 * trained with, and when it ended: what is shown belongs to them, whatever a notebook's cells say by now.
 */
export function statusBundle(view: RunView): MimeBundle {
  const text = `${statusText(view)}${isLive(view) ? `, as of ${clockTime()}` : ""}`;
  const step = view.steps.at(-1);
  const table: Table = evaluationTable(view);
  const hasTable = table.rows.length > 0;
  const told = [scoredOnLine(view), baselineText(view.baseline), settingsOf(view), endOf(view)];
  const lines = told.filter((line) => line !== "");
  const bar = barHtml(text, view.state === "finished" ? 1 : step ? step.step / step.totalSteps : 0);
  return {
    "text/html": [
      bar,
      ...(hasTable ? [tableHtml(table)] : []),
      ...lines.map((line) => `<div>${escapeHtml(line)}</div>`),
    ].join(""),
    "text/plain": [text, ...(hasTable ? [tableText(table)] : []), ...lines].join("\n"),
  };
}

/** "settings: demo, frozen: ..."; "" where the run has no config that can be read. */
function settingsOf({ folder }: RunView): string {
  try {
    return `settings: ${settingsText(readRunConfig(folder))}`;
  } catch (error) {
    if (error instanceof UserError) return "";
    throw error;
  }
}

/** From here on a run that has ended is told by its age too. */
const OLD_SECONDS = 60;

/** "finished at 2026-01-31 12:34:56 UTC, 1 h 2 min ago"; "" of a run that trains. */
function endOf(view: RunView): string {
  const { end, folder } = view;
  const measured = statSync(runFile(folder, "metrics"), { throwIfNoEntry: false })?.mtime;
  if (!end || !measured || isLive(view)) return "";
  const at = measured.toISOString().slice(0, 19).replace("T", " ");
  const seconds = (Date.now() - measured.getTime()) / 1000;
  return `${end.reason} at ${at} UTC${seconds > OLD_SECONDS ? `, ${formatSeconds(seconds)} ago` : ""}`;
}

/** "16:12:20", on this machine's clock: a tab that was closed shows an old status when it is opened again. */
function clockTime(): string {
  return new Date().toTimeString().slice(0, 8);
}
