// What `guie fit` prints at its end: the ladder in at most two tables, and what follows from it.

import { shellQuoted } from "../../common/shell";
import { textTable } from "../../common/text_table";
import { signed } from "../../common/words";
import { leftOutRungText } from "../../photos/climb";
import type { FitReport } from "../../photos/fit";
import { isSure, withInterval } from "../../retrieval/comparison_table";
import type { ComparisonRow } from "../../retrieval/evaluation";

/** Returns the text of a report. */
export function fitText(photos: string, report: FitReport): string {
  const { rungs, advice, leftOut, dataDir } = report;
  const models = rungs.map(({ model }) => model).join(" ");
  return [
    ...tables(report),
    ...leftOut.map(leftOutRungText),
    "",
    ...wrapped(advice.text),
    `Search with it: npx guie serve ${shellQuoted(photos)} ${modelFlag(report)}`,
    `${report.crossValidated.length > 0 ? "Scores on held-out classes" : "Look at the scores again"}: npx guie compare ${models} --data-dir ${dataDir}`,
  ].join("\n");
}

/** Returns the flag by which commands take the model: the backbone with the settings of the preset. */
function modelFlag({ advice: { model }, preset }: FitReport): string {
  return model === "backbone" ? `--config-name ${preset}` : `--model ${model}`;
}

/**
 * Returns the tables. Scores of a few held-out classes say little: they are shown only for rungs that were not
 * cross-validated.
 */
function tables({ rungs, crossValidated }: FitReport): string[] {
  const held = (rows: readonly ComparisonRow[]) => `${countText(rows)} that were held out`;
  if (crossValidated.length === 0) return [`Scores by ${held(rungs)}`, ladderTable(rungs), NOTE];
  const shown = new Set(crossValidated.map(({ model }) => model));
  const others = rungs.filter(({ model }) => !shown.has(model) || model === "backbone");
  return [
    `Scores by ${countText(crossValidated)}; each class is searched by models that have not learned it`,
    ladderTable(crossValidated),
    NOTE,
    ...(others.length > 1 ? ["", `Scores by only ${held(others)}`, ladderTable(others)] : []),
  ];
}

const NOTE = "[95 % interval]; * = the interval of the difference is above or below zero as a whole";

function countText(rows: readonly ComparisonRow[]): string {
  const { queries, classes } = rows[0]!;
  return `${queries.toLocaleString("en-US")} photos of ${classes.toLocaleString("en-US")} classes`;
}

/** Returns a table whose differences are all from the backbone. */
function ladderTable(rows: readonly ComparisonRow[]): string {
  return textTable(
    ["model", "mP@5", "difference from backbone", "R@1"],
    rows.map(({ model, scores: { mp5, r1 }, fromFirst }) => [
      model,
      withInterval(mp5.mean, mp5),
      fromFirst
        ? `${signed(fromFirst.mean)} [${signed(fromFirst.low)}, ${signed(fromFirst.high)}]${isSure(fromFirst) ? " *" : "  "}`
        : "",
      withInterval(r1.mean, r1),
    ]),
  );
}

const WIDTH = 96;

/** Breaks a text between its words. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= WIDTH)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
