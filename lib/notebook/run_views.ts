// A run as a person sees it.
import { basename } from "node:path";
import { baselineText } from "../training/runs/baseline";
import { isLive, type RunView } from "../training/runs/follow";
import { evaluationTable, scoredOnLine, statusText } from "../training/runs/run_status";
import type { MimeBundle } from "./display";
import type { Figure } from "./figure";
import { escapeHtml } from "./html";
import { type LineSeries, lineFigure, sideBySide } from "./plots";
import { barHtml } from "./progress";
import { type Table, tableText } from "./table";
import { tableHtml } from "./table_html";

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

/** Where a run stands: a line with its bar, and a table of what was measured after each epoch. */
export function statusBundle(view: RunView): MimeBundle {
  const text = `${statusText(view)}${isLive(view) ? `, as of ${clockTime()}` : ""}`;
  const step = view.steps.at(-1);
  const table: Table = evaluationTable(view);
  const hasTable = table.rows.length > 0;
  const lines = [scoredOnLine(view), baselineText(view.baseline)].filter((line) => line !== "");
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

/** "16:12:20", on this machine's clock: a tab that was closed shows an old status when it is opened again. */
function clockTime(): string {
  return new Date().toTimeString().slice(0, 8);
}
