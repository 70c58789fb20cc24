import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { parse } from "csv-parse";
import { stringify } from "csv-stringify/sync";
import { messageOf, UserError } from "./errors";
import { requireFile, writeAtomically } from "./files";

/** One row of a CSV file: column name -> text. */
export type CsvRow = Record<string, string>;

const ROWS_PER_WRITE = 10_000;

/**
 * Reads a CSV file with a header line (RFC 4180; UTF-8, a byte order mark is allowed).
 * @param columns the columns that must be there; others are kept as well
 * @param next what to do when the file or a column is missing
 * @throws UserError for a missing file, a missing column, a malformed line or an empty required cell
 */
export async function readCsv(path: string, columns: readonly string[], next?: string): Promise<CsvRow[]> {
  const rows: CsvRow[] = [];
  await eachCsvRow(path, columns, (row) => rows.push(row), next);
  if (rows.length === 0) throw new UserError(`${path} holds no rows.`, next);
  return rows;
}

/** The same row by row, so that the file need not fit memory; it may hold none. @returns how many there were */
export async function eachCsvRow(
  path: string,
  columns: readonly string[],
  use: (row: CsvRow, index: number) => void,
  next?: string,
): Promise<number> {
  requireFile(path, "a CSV file", next);
  let count = 0;
  const parser = createReadStream(path).pipe(parse({ bom: true, columns: true, skip_empty_lines: true }));
  try {
    for await (const row of parser as AsyncIterable<CsvRow>) {
      checkRow(path, row, columns, count, next);
      use(row, count++);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} is not a readable CSV file: ${messageOf(error)}.`, next, { cause: error });
  }
  return count;
}

function checkRow(path: string, row: CsvRow, columns: readonly string[], index: number, next?: string): void {
  for (const column of columns) {
    if (row[column] === undefined) {
      const found = Object.keys(row).join(", ");
      throw new UserError(`${path} lacks the column "${column}"; it has: ${found}.`, next);
    }
    if (row[column] === "") {
      throw new UserError(
        `${path}, row ${index + 1}: the column "${column}" is empty.`,
        "Fill it in or remove the row.",
      );
    }
  }
}

/**
 * Writes a CSV file with a header line, atomically.
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
          await file.write(stringify(block));
          block = [];
        }
      }
      await file.write(stringify(block));
    } finally {
      await file.close();
    }
  });
}
