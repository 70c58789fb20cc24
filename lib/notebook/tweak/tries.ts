// The table of all tries, newest first, with a button that deletes the ticked ones.
import { basename } from "node:path";
import { browserFile } from "../../common/browser_files";
import { UserError } from "../../common/errors";
import { bytesBelow, bytesText } from "../../common/files/disk_use";
import { listSweeps, planRemoval, type Removal, removeRuns, runsOf } from "../../experiments/remove_runs";
import { runFolder } from "../../runs/run_folder";
import { type RunRow, runTable } from "../../runs/run_table";
import { cellFormatter, formatCell, type Table, tableOf, tableText } from "../output/table";
import { tableHtml } from "../output/table_html";
import { widget } from "../widgets/own";
import type { Widget } from "../widgets/widget";

/** Columns of a run, the scores first. */
const SHOWN = [
  "run",
  "mP@5",
  "mP@5, 95 %",
  "R@1",
  "verdict",
  "settings",
  "state",
  "MB",
  "when",
  "scored on",
] as const satisfies (keyof RunRow)[];

type Row = Record<(typeof SHOWN)[number], string | number | undefined>;

type Message = { kind: "plan" | "delete"; names: string[] };

/**
 * Returns the table of all runs and sweeps, newest first: scores with their intervals, the settings that differ from the
 * preset, the data that they were scored on, their room on disk. Ticked ones are deleted by a button, which first says
 * what goes (`npx guie rm` is the same in a terminal). Data are never deleted.
 * @example
 * await show(tries());
 */
export function tries(): Widget {
  const page = widget({
    esm: browserFile("tries.js"),
    state: { table: pageTable(triesTable()) },
    still: () => {
      const table = triesTable();
      const options = { maxRows: table.rows.length };
      if (table.rows.length === 0) return { html: `<div>${NONE}</div>`, text: NONE };
      return { html: tableHtml(table, options), text: tableText(table, options) };
    },
  });
  page.onMessage((content) => {
    const { kind, names } = content as Message;
    try {
      const removals = planRemoval(names);
      if (kind === "plan") {
        page.send({ ask: question(removals) });
        return;
      }
      const freed = bytesText(removeRuns(removals));
      page.set({ table: pageTable(triesTable()) });
      page.send({ said: `${names.join(", ")}: deleted, ${freed} freed.` });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      page.set({ table: pageTable(triesTable()) });
      page.send({ said: `Nothing is deleted: ${error.what} ${error.next ?? ""}` });
    }
  });
  return page;
}

/** Returns "Delete a and b (251 MB)? c started from a: ..." */
function question(removals: readonly Removal[]): string {
  const bytes = removals.reduce((sum, removal) => sum + removal.bytes, 0);
  const names = removals.map(({ name }) => name).join(", ");
  const notes = removals.flatMap(({ note }) => (note ? [`${note}.`] : []));
  return [`Delete ${names} (${bytesText(bytes)})?`, ...notes].join(" ");
}

const NONE = "checkpoints/ holds no run yet.";

function triesTable(): Table {
  const rows = [...runTable(), ...listSweeps().map(sweepRow)]
    .map((row): Row => Object.fromEntries(SHOWN.map((name) => [name, row[name]])) as Row)
    .sort((a, b) => String(b.when).localeCompare(String(a.when)));
  const table = tableOf(rows) ?? { columns: [...SHOWN], rows: [] };
  const isEmpty = (column: number) => table.rows.every((row) => row[column] === undefined);
  const kept = table.columns.map((_, column) => column).filter((column) => !isEmpty(column));
  return {
    columns: kept.map((column) => table.columns[column]!),
    rows: table.rows.map((row) => kept.map((column) => row[column])),
  };
}

/** Returns a sweep as a row; its runs are scored on classes that it held out to choose by. */
function sweepRow(name: string): Partial<RunRow> {
  const folder = runFolder(name);
  const rows = runTable(runsOf(folder));
  const best = Math.max(...rows.map((row) => row["mP@5"] ?? 0));
  const values = rows.map(({ run }) => basename(run).replaceAll("-", ", ").replaceAll("_", " "));
  return {
    run: name,
    settings: `sweep of ${rows.length} runs${best > 0 ? `, the best ${formatCell(best)}` : ""}: ${values.join("; ")}`,
    state: rows.every(({ state }) => state === "finished") ? "finished" : "not finished",
    MB: Number((bytesBelow(folder) / 2 ** 20).toFixed(1)),
    when: rows
      .map(({ when }) => when)
      .sort()
      .at(-1)!,
    "scored on": rows[0]?.["scored on"],
  };
}

/** The table for lib/browser/tries.js: texts, and numbers to sort by. */
function pageTable(table: Table) {
  const textsOf = cellFormatter(table);
  return {
    columns: table.columns,
    rows: table.rows.map((row) => ({
      name: String(row[0]),
      texts: textsOf(row),
      values: row.map((value) => (typeof value === "number" ? value : null)),
    })),
  };
}
