// `guie runs`: lists the runs with their scores.
import type { Command } from "commander";
import { textTable } from "../../common/text_table";
import { transformTable } from "../../embedding/transform_model";
import { type RunRow, runTable } from "../../runs/run_table";
import { setAction } from "../shared/command";

/** The columns for a terminal; `--json` has all. */
const COLUMNS = [
  "run",
  "mP@5",
  "mP@5, 95 %",
  "baseline mP@5",
  "backbone mP@5",
  "verdict",
  "stage",
  "state",
  "epoch",
  "MB",
  "when",
  "settings",
] as const;

/** Registers `guie runs`: a table of all runs, and one of all whitened and LDA models. */
export function registerRuns(program: Command): void {
  const command = program
    .command("runs")
    .description("List the runs in checkpoints/ with their scores, and the models without training.");
  setAction(command, async () => {
    const rows = runTable();
    const transforms = transformTable();
    const text =
      rows.length > 0
        ? textTable(COLUMNS, rows.map(cellsOf))
        : "No runs in checkpoints/ yet: npx guie train --help";
    const below =
      transforms.length > 0
        ? `\n\n${textTable(Object.keys(transforms[0]!), transforms.map(Object.values))}`
        : "";
    return { text: text + below, summary: { runs: rows, withoutTraining: transforms } };
  });
}

function cellsOf(row: RunRow): (string | number)[] {
  return COLUMNS.map((column) => row[column] ?? "");
}
