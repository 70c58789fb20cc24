// Reads and writes CSV files row by row.
import { open } from "node:fs/promises";
import { stringify } from "csv-stringify/sync";
import { UserError } from "../errors";
import { writeAtomically } from "../files/files";
import { RecordError, RecordSplitter } from "./split_rows";
import { forSpreadsheet, fromSpreadsheet } from "./spreadsheet";
import { readTableForm, readText, type TableForm } from "./table_text";

/** One row of a CSV file: column name -> text. */
export type CsvRow = Record<string, string>;

const ROWS_PER_WRITE = 10_000;

/**
 * Reads a CSV file with a header line. Separators are commas, semicolons, tabs or bars, as in the header; line ends are
 * of any kind, also mixed; the encoding is UTF-8, or UTF-16 with a byte order mark; quotes work as in RFC 4180, but are
 * plain characters inside an unquoted cell. Empty lines and spaces around column names are ignored.
 * @param columns the required columns; others are kept as well
 * @param next what to do if the file or a column is missing
 * @throws UserError for a missing file, a column that is missing or repeated, a row with more or fewer cells than the
 * header, an empty required cell, and bytes that are not text
 */
export async function readCsv(path: string, columns: readonly string[], next?: string): Promise<CsvRow[]> {
  const rows: CsvRow[] = [];
  await eachCsvRow(path, columns, (row) => rows.push(row), next);
  if (rows.length === 0) throw new UserError(`${path} holds no rows.`, next);
  return rows;
}

/** Reads a CSV file as `readCsv` does, row by row: it need not fit memory, and may be empty. @returns the row count */
export async function eachCsvRow(
  path: string,
  columns: readonly string[],
  use: (row: CsvRow, index: number) => void,
  next?: string,
): Promise<number> {
  const form = readTableForm(path, columns, next);
  let count = 0;
  await eachRecord(path, form, next, (cells) => {
    const row = Object.fromEntries(form.columns.map((name, i) => [name, cells[i]!]));
    for (const column of columns) {
      if (row[column] !== "") continue;
      throw new UserError(
        `${path}, row ${count + 1}: the column "${column}" is empty.`,
        "Fill it in or remove the row.",
      );
    }
    use(row, count++);
  });
  return count;
}

/** A number of up to 15 digits, which a double holds exactly. */
const WHOLE_NUMBER = /^ *0*\d{1,15} *$/;

/** Parses a whole number from 0, with spaces around it. @param where "FILE, row N: the column X", for messages */
export function wholeNumberCell(text: string, where: string, next: string): number {
  if (WHOLE_NUMBER.test(text)) return Number(text);
  const found = text.trim() === "" ? "empty" : JSON.stringify(text);
  throw new UserError(`${where} must be a whole number from 0, it is ${found}.`, next);
}

/**
 * Calls `use` with the cells of every row below the header.
 * @throws UserError for a row without a cell for each column, and for quotes that are not closed
 */
export async function eachRecord(
  path: string,
  { encoding, columns, ...form }: TableForm,
  next: string | undefined,
  use: (cells: readonly string[]) => void,
): Promise<void> {
  let isHeader = true;
  const splitter = new RecordSplitter(form, (cells, line) => {
    if (isHeader) isHeader = false;
    else if (cells.length !== columns.length) throw raggedRow(path, line, cells, columns, next);
    else use(cells.map(fromSpreadsheet));
  });
  try {
    for await (const text of readText(path, encoding, next)) splitter.push(text);
    splitter.end();
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    throw new UserError(`${path} is not a readable CSV file: ${error.message}.`, next, { cause: error });
  }
}

function raggedRow(
  path: string,
  line: number,
  cells: readonly string[],
  columns: readonly string[],
  next?: string,
): UserError {
  const shown = JSON.stringify(cells.join(" | ").slice(0, 100));
  return new UserError(
    `${path} is not a readable CSV file: line ${line} has ${cells.length} cells, its header ${columns.length} ` +
      `(${columns.join(", ")}): ${shown}.`,
    next ?? "Put a cell with a comma in it in quotes.",
  );
}

/** Returns rows as lines of a CSV file. Text that a spreadsheet would run as a formula gets an apostrophe. */
export function csvLines(rows: readonly (readonly (string | number)[])[], separator = ","): string {
  const safe = rows.map((row) => row.map((cell) => (typeof cell === "string" ? forSpreadsheet(cell) : cell)));
  return stringify(safe, { delimiter: separator });
}

/**
 * Writes a CSV file with a header line, atomically. Text that a spreadsheet would run as a formula gets an apostrophe,
 * which `readCsv` removes.
 * @param rows values in the order of `columns`
 */
export async function writeCsv(
  path: string,
  columns: readonly string[],
  rows: Iterable<readonly (string | number)[]>,
): Promise<void> {
  await writeAtomically(path, async (temporary) => {
    const file = await open(temporary, "w");
    try {
      let block: (readonly (string | number)[])[] = [columns];
      for (const row of rows) {
        block.push(row);
        if (block.length >= ROWS_PER_WRITE) {
          await file.write(csvLines(block));
          block = [];
        }
      }
      await file.write(csvLines(block));
    } finally {
      await file.close();
    }
  });
}
