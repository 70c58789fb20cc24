// Reads a person's table to rows of text: CSV, TSV, JSON lines, a JSON list, Parquet.
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { eachCsvRow } from "../../common/csv/csv";
import { readLines, readTableForm } from "../../common/csv/table_text";
import { withDatabase } from "../../common/database/database";
import { messageOf, UserError } from "../../common/errors";

/** Endings of files that this project reads as tables. */
export const TABLE_ENDINGS: readonly string[] = [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"];

/** A table of text; an empty cell is "". */
export interface Table {
  path: string;
  columns: readonly string[];
  rows: readonly Readonly<Record<string, string>>[];
  /** Columns that hold no text or numbers, with their type: lists, images' bytes. */
  others: readonly { name: string; type: string }[];
}

/**
 * Reads a table by its ending.
 * @param path absolute
 * @throws UserError for a file that is missing, empty or no such table
 */
export async function readTable(path: string): Promise<Table> {
  const ending = extname(path).toLowerCase();
  const table: Table =
    ending === ".parquet"
      ? await readParquet(path)
      : ending === ".jsonl" || ending === ".ndjson"
        ? await readJsonLines(path)
        : await readCsvTable(path);
  if (table.rows.length > 0) return table;
  throw new UserError(`${path} holds no rows.`, "Name a table with a row for each image.");
}

async function readCsvTable(path: string): Promise<Table> {
  const { columns } = readTableForm(path, [], "Name a table with a row for each image.");
  const rows: Record<string, string>[] = [];
  await eachCsvRow(path, [], (row) => rows.push(row));
  return { path, columns, rows, others: [] };
}

async function readJsonLines(path: string): Promise<Table> {
  const lines = await readLines(path);
  const records = lines.map((line, i) => parsed(line, `${path}, object ${i + 1}`));
  return tableOf(path, records);
}

/** Reads a JSON file that holds a list of objects; undefined if it holds something else. */
export function readJsonList(path: string): Table | undefined {
  const value = parsed(readFileSync(path, "utf8").replace(/^\uFEFF/, ""), path);
  return Array.isArray(value) ? tableOf(path, value) : undefined;
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${where} is not readable JSON: ${messageOf(error)}.`, "Mend it, or leave it out.");
  }
}

/** Makes a table of objects; a column is a key that one of them has. */
function tableOf(path: string, records: readonly unknown[]): Table {
  const columns = new Set<string>();
  const others = new Map<string, string>();
  const rows = records.map((record, i) => {
    if (record === null || typeof record !== "object" || Array.isArray(record))
      throw new UserError(
        `${path}, object ${i + 1}: expected an object with a key for each column, found ${JSON.stringify(record)?.slice(0, 60)}.`,
        'For example: {"file_name": "a.jpg", "label": "apple"}',
      );
    const cells = Object.entries(record).map(([key, value]) => {
      const name = key.trim().normalize("NFC");
      if (value !== null && typeof value === "object") others.set(name, "lists or objects");
      else columns.add(name);
      return [name, value === null || typeof value === "object" ? "" : String(value)];
    });
    return Object.fromEntries(cells) as Record<string, string>;
  });
  const names = [...columns].filter((name) => !others.has(name));
  const filled = rows.map((row) => Object.fromEntries(names.map((name) => [name, row[name] ?? ""])));
  return { path, columns: names, rows: filled, others: [...others].map(([name, type]) => ({ name, type })) };
}

const SCALAR = /^(VARCHAR|ENUM|.*INT.*|FLOAT|DOUBLE|DECIMAL.*|BOOLEAN|UUID|DATE)\b(?!.*\[\])/;

async function readParquet(path: string): Promise<Table> {
  return withDatabase(async (database) => {
    const source = `read_parquet(${database.openFile(path)})`;
    const described = await database
      .rows<{ column_name: string; column_type: string }>(`DESCRIBE SELECT * FROM ${source}`)
      .catch((error) => {
        throw new UserError(
          `${path} is not a readable Parquet file: ${messageOf(error).split("\n")[0]}`,
          "Write it again, or save the table as CSV.",
        );
      });
    const isText = ({ column_type }: { column_type: string }) => SCALAR.test(column_type);
    const columns = described.filter(isText).map(({ column_name }) => column_name);
    const others = described
      .filter((column) => !isText(column))
      .map(({ column_name, column_type }) => ({ name: column_name, type: column_type }));
    const cells = columns.map((name) => `coalesce(${quoted(name)}::VARCHAR, '') AS ${quoted(name)}`);
    const rows =
      columns.length === 0
        ? []
        : await database.rows<Record<string, string>>(`SELECT ${cells.join(", ")} FROM ${source}`);
    return { path, columns, rows, others };
  });
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
