// Tables of rows, and their form as text.

import { inspect } from "node:util";
import { textTable } from "../../common/text_table";
import { counted } from "../../common/words";

/** Rows under named columns. */
export interface Table {
  columns: string[];
  rows: unknown[][];
}

/** Options for showing a table. */
export interface TableOptions {
  /** A sentence above the table. */
  title?: string;
  /** Longer tables show their first and last rows, and pages of this size in a notebook. Default 20. */
  maxRows?: number;
  /** Index of a highlighted row. */
  marked?: number;
}

/** Common part of danfojs' DataFrame and Series; typed here so that a table does not load danfojs. */
interface NdFrame {
  columns: string[];
  values: unknown[];
  index: (string | number)[];
}

/** Default number of rows of a table, and of a page of a longer one. */
export const DEFAULT_MAX_ROWS = 20;

/**
 * Converts a danfojs DataFrame or Series, or an array of objects, to a table; undefined for anything else. Columns of
 * objects are all their keys in order of first appearance. A frame's index becomes a column unless it is 0, 1, 2, ...
 */
export function tableOf(value: unknown): Table | undefined {
  if (isNdFrame(value)) return tableOfFrame(value);
  if (!Array.isArray(value) || value.length === 0 || !value.every(isPlainObject)) return undefined;
  const columns = [...new Set(value.flatMap((row) => Object.keys(row)))];
  return { columns, rows: value.map((row) => columns.map((column) => row[column])) };
}

function tableOfFrame({ columns, values, index }: NdFrame): Table {
  const rows = values.map((row) => (Array.isArray(row) ? row : [row]));
  if (index.every((label, position) => label === position)) return { columns, rows };
  return { columns: ["", ...columns], rows: rows.map((row, position) => [index[position], ...row]) };
}

function isNdFrame(value: unknown): value is NdFrame {
  const frame = value as Partial<NdFrame> | null;
  return Array.isArray(frame?.columns) && Array.isArray(frame.values) && Array.isArray(frame.index);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the table as text for a terminal. */
export function tableText(table: Table, options: TableOptions = {}): string {
  const { rows, cut } = visibleRows(table, options);
  const textsOf = cellFormatter(table);
  const lines = textTable(
    table.columns,
    rows.map(({ cells }) => textsOf(cells)),
  ).split("\n");
  if (cut) lines.splice(2 + cut.at, 0, cut.note);
  return [...(options.title ? [options.title] : []), ...lines, ...(cut ? [sizeOf(table)] : [])].join("\n");
}

/** A row with its index in the table. */
export interface PlacedRow {
  cells: readonly unknown[];
  place: number;
}

/** Returns all rows of a table, or the first and last of `maxRows` with the position of the gap and a note on it. */
export function visibleRows(
  { rows }: Table,
  { maxRows = DEFAULT_MAX_ROWS }: TableOptions,
): { rows: PlacedRow[]; cut?: { at: number; note: string } } {
  const placed = rows.map((cells, place) => ({ cells, place }));
  if (rows.length <= maxRows) return { rows: placed };
  const head = Math.ceil(maxRows / 2);
  const tail = maxRows - head;
  const note = `… ${formatCell(rows.length - maxRows)} rows not shown …`;
  return { rows: [...placed.slice(0, head), ...placed.slice(rows.length - tail)], cut: { at: head, note } };
}

/** Returns "1,254 rows, 8 columns". */
export function sizeOf({ rows, columns }: Table): string {
  return `${counted(rows.length, "row")}, ${counted(columns.length, "column")}`;
}

/** Returns true for a column of numbers and gaps only. */
export function isNumeric({ rows }: Table, column: number): boolean {
  const values = rows.map((row) => row[column]).filter((value) => !isGap(value));
  return values.length > 0 && values.every((value) => typeof value === "number" || typeof value === "bigint");
}

/** Matches a number or a range in words: "97 %", "0.052", "4 - 240". */
const NUMBER_TEXT = /^[+-]?[\d.,]+( - [\d.,]+)?( %)?$/;

/** Returns true for a column that is aligned right: of numbers, or of texts that are numbers. */
export function isAlignedRight(table: Table, column: number): boolean {
  if (isNumeric(table, column)) return true;
  const texts = table.rows.map((row) => row[column]).filter((value) => !isGap(value) && value !== "");
  return texts.length > 0 && texts.every((text) => NUMBER_TEXT.test(String(text)));
}

/** Returns true for null, undefined and NaN. */
export function isGap(value: unknown): boolean {
  return value === null || value === undefined || Number.isNaN(value);
}

/**
 * Returns the function that formats a row of this table. The numbers of a column with fractions have one number of
 * decimals, at most four significant digits of the largest: 0.763 below 0.6468 is 0.7630, and 0.6468 below 1 is 0.647.
 */
export function cellFormatter(table: Table): (cells: readonly unknown[]) => string[] {
  const decimals = table.columns.map((_, column) => decimalsOf(table, column));
  return (cells) =>
    cells.map((value, column) => {
      const digits = decimals[column];
      if (digits === undefined || !isFiniteNumber(value)) return formatCell(value);
      return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    });
}

/** Numbers of a column that differ by more than this factor have decimals of their own. */
const MAX_SPAN = 100;

/** Returns the number of decimals of a column's numbers; undefined if each has its own, or all are whole. */
function decimalsOf(table: Table, column: number): number | undefined {
  if (!isNumeric(table, column)) return undefined;
  let [least, most, decimals] = [Number.POSITIVE_INFINITY, 0, 0];
  for (const row of table.rows) {
    const value = row[column];
    if (!isFiniteNumber(value) || value === 0) continue;
    least = Math.min(least, Math.abs(value));
    most = Math.max(most, Math.abs(value));
    if (!Number.isInteger(value))
      decimals = Math.max(decimals, formatFraction(value).split(".")[1]?.length ?? 0);
  }
  if (decimals === 0 || least < SMALLEST_PLAIN || most > MAX_SPAN * least) return undefined;
  return Math.min(decimals, Math.max(1, 3 - Math.floor(Math.log10(most))));
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** Formats a cell: 12345 -> "12,345", 0.491234 -> "0.4912", a gap -> "". */
export function formatCell(value: unknown): string {
  if (isGap(value)) return "";
  if (typeof value === "string") return value;
  if (typeof value === "bigint" || Number.isInteger(value)) return (value as number).toLocaleString("en-US");
  if (typeof value === "number") return formatFraction(value);
  return inspect(value, { breakLength: Number.POSITIVE_INFINITY });
}

/** Smaller numbers are shown with an exponent. */
const SMALLEST_PLAIN = 1e-4;

/** Errors of this relative size are those of single precision, not digits. */
const NOISE = 1e-6;

/**
 * Formats a number with four significant digits, without an exponent for usual sizes. A rounded number keeps its zeros:
 * 0.762987 -> "0.7630", 0.3 -> "0.3".
 */
function formatFraction(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000)
    return value.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  if (size < SMALLEST_PLAIN) return value.toExponential(2);
  const rounded = value.toPrecision(4);
  const isRounded = Math.abs(Number(rounded) - value) > NOISE * size;
  return isRounded ? rounded : String(Number(rounded));
}
