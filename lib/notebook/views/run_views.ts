// Views of one run: its curves and its status.
import { statSync } from "node:fs";
import { basename } from "node:path";
import { UserError } from "../../common/errors";
import { escapeHtml } from "../../common/html";
import { formatSeconds } from "../../common/progress";
import { baselineText } from "../../runs/baseline";
import { isLive, type RunView } from "../../runs/follow";
import { readRunConfig, runFile } from "../../runs/run_folder";
import { evaluationTable, scoredOnLine, statusText } from "../../runs/run_status";
import { untrainedText } from "../../runs/untrained";
import type { MimeBundle } from "../output/display";
import type { Figure } from "../output/figure";
import { type LineSeries, lineFigure, sideBySide } from "../output/plots";
import { barHtml } from "../output/progress";
import { type Table, tableText } from "../output/table";
import { tableHtml } from "../output/table_html";
import { settingsText } from "./training_views";

/** Measures at the end of each epoch, as curves. */
export const EVALUATIONS = [
  {
    name: "mP@5",
    valuesOf: ({ retrievals }: RunView) => retrievals.map(({ epoch, mp5 }) => ({ epoch, y: mp5 })),
  },
  {
    name: "R@1",
    valuesOf: ({ retrievals }: RunView) => retrievals.map(({ epoch, r1 }) => ({ epoch, y: r1 })),
  },
  {
    name: "top-1",
    valuesOf: ({ validations }: RunView) => validations.map(({ epoch, top1 }) => ({ epoch, y: top1 })),
  },
];

/** Draws the curves of a run: its loss, and from the second epoch on the scores after each epoch. */
export function runFigure(view: RunView): Figure {
  const { folder, steps, stepsPerPoint } = view;
  const title = `Loss of ${basename(folder)}${stepsPerPoint > 1 ? `, means of ${stepsPerPoint} steps` : ""}`;
  const loss = lineFigure([lossSeries(view, "loss")], { title, x: "step", y: "loss" });
  const evaluations = EVALUATIONS.map(({ name, valuesOf }) => byEpoch(name, valuesOf(view))).filter(
    ({ x }) => x.length > 1,
  );
  if (steps.length < 2 || evaluations.length === 0) return loss;
  return sideBySide(loss, lineFigure(evaluations, { title: "After each epoch", x: "epoch", y: "share" }));
}

/** Returns the losses as a line. */
export function lossSeries({ steps }: RunView, name: string): LineSeries {
  return { name, x: steps.map(({ step }) => step), y: steps.map(({ loss }) => loss) };
}

/** Returns a measure after each epoch as a line. */
export function byEpoch(name: string, values: { epoch: number; y: number }[]): LineSeries {
  return { name, x: values.map(({ epoch }) => epoch), y: values.map(({ y }) => y), points: true };
}

/**
 * Returns a run's status: a line with its bar, a table of the scores after each epoch, the run's settings (the
 * notebook's cells may have changed since), and when it ended.
 */
export function statusBundle(view: RunView): MimeBundle {
  const text = `${statusText(view)}${isLive(view) ? `, as of ${clockTime()}` : ""}`;
  const step = view.steps.at(-1);
  const table: Table = evaluationTable(view);
  const hasTable = table.rows.length > 0;
  const told = [
    scoredOnLine(view),
    baselineText(view.baseline),
    untrainedText(view.retrievals.at(-1)),
    settingsOf(view),
    endOf(view),
  ];
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

/** Returns "settings: demo, frozen: ..."; "" if the run's config cannot be read. */
function settingsOf({ folder }: RunView): string {
  try {
    return `settings: ${settingsText(readRunConfig(folder))}`;
  } catch (error) {
    if (error instanceof UserError) return "";
    throw error;
  }
}

/** Age from which on it is shown for a run that has ended. */
const OLD_SECONDS = 60;

/** Returns "finished at 2026-01-31 12:34:56 UTC, 1 h 2 min ago"; "" while the run trains. */
function endOf(view: RunView): string {
  const { end, folder } = view;
  const measured = statSync(runFile(folder, "metrics"), { throwIfNoEntry: false })?.mtime;
  if (!end || !measured || isLive(view)) return "";
  const at = measured.toISOString().slice(0, 19).replace("T", " ");
  const seconds = (Date.now() - measured.getTime()) / 1000;
  return `${end.reason} at ${at} UTC${seconds > OLD_SECONDS ? `, ${formatSeconds(seconds)} ago` : ""}`;
}

/** Returns this machine's time, "16:12:20": a tab that is reopened shows an old status. */
function clockTime(): string {
  return new Date().toTimeString().slice(0, 8);
}
