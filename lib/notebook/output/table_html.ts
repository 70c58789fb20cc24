// Tables as HTML: plain for every reader; a script in the output adds sorting, searching and paging.
import { escapeHtml } from "../../common/html";
import { breakableHtml } from "./breakable";
import { scriptHtml } from "./page_script";
import {
  cellFormatter,
  DEFAULT_MAX_ROWS,
  isAlignedRight,
  isGap,
  isNumeric,
  type PlacedRow,
  sizeOf,
  type Table,
  type TableOptions,
  visibleRows,
} from "./table";

/** Data of a table for the script in the reader's browser. */
export interface TablePage {
  /** Texts of the cells. */
  rows: string[][];
  /** For each column: its numbers (null: a gap), or null for a text column. */
  numbers: ((number | null)[] | null)[];
  /** Columns that are aligned right. */
  right: boolean[];
  /** Index of the highlighted row, or -1. */
  marked: number;
  pageRows: number;
  /** Texts up to this length stay on one line. */
  shortCharacters: number;
  /** Size in words: "1,254 rows, 8 columns". */
  size: string;
}

/** Maximum number of rows in an output; a longer table keeps its first and last rows. */
const HELD_ROWS = 1_000;
const SHORT_CHARACTERS = 24;
const HELD = `the first and last ${HELD_ROWS / 2}`;

/** Returns the table as escaped HTML: numbers aligned right, the middle of a long table omitted and counted. */
export function tableHtml(table: Table, options: TableOptions = {}): string {
  const { rows, cut } = visibleRows(table, options);
  const aligned = table.columns.map((_, column) => (isAlignedRight(table, column) ? "right" : "left"));
  const cell = (tag: "td" | "th", text: string, column: number) =>
    `<${tag} style="text-align: ${aligned[column]}${isShort(text) ? "; white-space: nowrap" : ""}">${breakable(tag, text)}</${tag}>`;
  const line = (tag: "td" | "th", texts: string[], style = "") =>
    `<tr${style}>${texts.map((text, column) => cell(tag, text, column)).join("")}</tr>`;
  const textsOf = htmlFormatter(table);
  const lines = rows.map(({ cells, place }) =>
    line("td", textsOf(cells), place === options.marked ? ' style="font-weight: bold"' : ""),
  );
  if (cut)
    lines.splice(
      cut.at,
      0,
      `<tr><td colspan="${table.columns.length}" style="text-align: center"><i>${cut.note}</i></td></tr>`,
    );
  const title = options.title ? `<p><b>${escapeHtml(options.title)}</b></p>` : "";
  const size = cut ? `<p>${sizeOf(table)}</p>` : "";
  return `${title}<table><thead>${line("th", table.columns)}</thead><tbody>${lines.join("")}</tbody></table>${size}`;
}

/** Interval with its star, which stays on one line; a line may break before it. */
const INTERVAL = /\[[^\]]*\]( \*)?/g;
const NO_BREAK_SPACE = "\u00a0";

/** Returns the function that formats a row of this table for a page, with intervals that do not break. */
function htmlFormatter(table: Table): (cells: readonly unknown[]) => string[] {
  const textsOf = cellFormatter(table);
  const whole = (text: string) => text.replace(INTERVAL, (found) => found.replaceAll(" ", NO_BREAK_SPACE));
  return (cells) => textsOf(cells).map(whole);
}

/** Returns true for dates and names, which stay on one line. */
function isShort(text: string): boolean {
  return text.length <= SHORT_CHARACTERS && text.includes(" ") && !text.includes(NO_BREAK_SPACE);
}

/** Returns escaped text with places at which a line may break; a column's name breaks before its capitals. */
function breakable(tag: "td" | "th", text: string): string {
  if (tag === "th")
    return text
      .split(/(?<=[a-z\d])(?=[A-Z])/)
      .map(escapeHtml)
      .join("<wbr>");
  return text.length <= SHORT_CHARACTERS ? escapeHtml(text) : breakableHtml(text);
}

/**
 * Returns the table with a script: a click on a header sorts (numbers as numbers, gaps last); long tables have pages
 * and a search. Without scripts (GitHub, an untrusted notebook) it stays the plain table.
 */
export function liveTableHtml(table: Table, options: TableOptions = {}): string {
  const plain = tableHtml(table, options);
  if (table.rows.length < 2) return plain;
  return `<div>${plain}${scriptHtml("table", tablePage(table, options))}</div>`;
}

/** Returns a table's data for lib/browser/table.js. @param heldRows more rows are left out, from the middle */
export function tablePage(
  table: Table,
  { maxRows = DEFAULT_MAX_ROWS, marked }: TableOptions = {},
  heldRows = HELD_ROWS,
): TablePage {
  const { rows } = visibleRows(table, { maxRows: heldRows });
  const numbers = table.columns.map((_, column) => isNumeric(table, column) && rows.map(numberIn(column)));
  const textsOf = htmlFormatter(table);
  return {
    rows: rows.map(({ cells }) => textsOf(cells)),
    numbers: numbers.map((values) => values || null),
    right: table.columns.map((_, column) => isAlignedRight(table, column)),
    marked: rows.findIndex(({ place }) => place === marked),
    pageRows: maxRows,
    shortCharacters: SHORT_CHARACTERS,
    size: rows.length < table.rows.length ? `${HELD} of ${sizeOf(table)}` : sizeOf(table),
  };
}

function numberIn(column: number): (row: PlacedRow) => number | null {
  return ({ cells }) => (isGap(cells[column]) ? null : Number(cells[column]));
}
