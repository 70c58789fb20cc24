import { createReadStream } from "node:fs";
import { parse } from "csv-parse";
import { messageOf, UserError } from "../common/errors";
import { requireFile } from "../common/files";
import { Interrupted } from "../common/interrupt";
import { type Database, sqlText } from "./database";

/** What a column of a CSV file must hold. */
export interface CsvColumn {
  name: string;
  /** "path": below the data directory. "count": a whole number from 0. */
  kind: "text" | "path" | "count";
}

/** Per kind: the SQL condition of a bad cell, and what a good one is. */
const CHECKS: Record<CsvColumn["kind"], readonly [bad: (cell: string) => string, good: string][]> = {
  text: [],
  path: [
    [(cell) => `coalesce(${cell}, '') = ''`, "a path"],
    [
      (cell) =>
        `starts_with(${cell}, '/') OR contains(${cell}, '..') AND regexp_matches(${cell}, '(^|/)\\.\\.(/|$)')`,
      "a path below the data directory, without `..`",
    ],
  ],
  count: [[(cell) => `${cell} IS NULL`, "a whole number from 0"]],
};

/** A cell of the file as its kind; a count that is none becomes NULL. */
function typed({ name, kind }: CsvColumn): string {
  if (kind !== "count") return name;
  return `CASE WHEN regexp_full_match(${name}, '[0-9]{1,9}') THEN ${name}::INTEGER END AS ${name}`;
}

/**
 * Reads columns of a CSV file with a header line into a new table: text as VARCHAR, counts as INTEGER.
 * The table's `rowid` counts the file's rows from 0.
 * @param next what to do when the file is missing or bad
 * @param as "VIEW": nothing is kept in memory, every query reads the file again
 * @throws UserError for a missing or unreadable file, a missing column, no rows, or bad cells: the first and how many
 */
export async function loadCsv(
  database: Database,
  table: string,
  path: string,
  columns: readonly CsvColumn[],
  next: string,
  as: "TABLE" | "VIEW" = "TABLE",
): Promise<void> {
  const found = await csvHeader(path, next);
  const missing = columns.filter(({ name }) => !found.includes(name)).map(({ name }) => `"${name}"`);
  if (missing.length > 0) {
    throw new UserError(`${path} lacks the column ${missing.join(", ")}; it has: ${found.join(", ")}.`, next);
  }
  const source = csvSource(path, found);
  await readable(path, next, async () => {
    const cells = columns.map(typed).join(", ");
    await database.run(`CREATE OR REPLACE ${as} ${table} AS SELECT ${cells} FROM ${source}`);
  });
  await checkCells(database, { table, path, source, columns, next });
}

/** The column names of a CSV file. @throws UserError when it is missing or unreadable */
export async function csvHeader(path: string, next: string): Promise<string[]> {
  requireFile(path, "a table", next);
  return readable(path, next, async () => {
    const firstRow = createReadStream(path).pipe(parse({ bom: true, to: 1 }));
    // pandas leaves its index column without a name
    for await (const names of firstRow) return (names as string[]).map((name, i) => name || `column_${i}`);
    return [];
  });
}

/** DuckDB is told everything: left to guess, it takes a later line for the header where rows differ in length. */
function csvSource(path: string, header: readonly string[]): string {
  const columns = header.map((name) => `${sqlText(name)}: 'VARCHAR'`).join(", ");
  return `read_csv(${sqlText(path)}, auto_detect = false, header = true, columns = {${columns}}, delim = ',', quote = '"', escape = '"')`;
}

async function readable<T>(path: string, next: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const reason = messageOf(error).split("\n").slice(0, 3).join("; ");
    throw new UserError(`${path} is not a readable CSV file: ${reason}.`, next, { cause: error });
  }
}

interface CellsToCheck {
  table: string;
  path: string;
  source: string;
  columns: readonly CsvColumn[];
  next: string;
}

async function checkCells(
  database: Database,
  { table, path, source, columns, next }: CellsToCheck,
): Promise<void> {
  const checks = columns.flatMap(({ name, kind }) =>
    CHECKS[kind].map(([bad, good]) => ({ name, bad: bad(name), good })),
  );
  const counts = checks.map(({ bad }, i) => `count(*) FILTER (${bad}) AS bad_${i}`);
  const found = await readable(path, next, () =>
    database.row<Record<string, number>>(
      `SELECT ${["count(*) AS rows", ...counts].join(", ")} FROM ${table}`,
    ),
  );
  if (found.rows === 0) throw new UserError(`${path} holds no rows.`, next);
  for (const [i, { name, bad, good }] of checks.entries()) {
    const count = found[`bad_${i}`]!;
    if (count === 0) continue;
    const { row } = await database.row<{ row: number }>(
      `SELECT row FROM (SELECT *, row_number() OVER () AS row FROM ${table}) WHERE ${bad} ORDER BY row LIMIT 1`,
    );
    const { cell } = await database.row<{ cell: string | null }>(
      `SELECT ${name} AS cell FROM ${source} LIMIT 1 OFFSET ${row - 1}`,
    );
    const others = count > 1 ? ` (and ${count - 1} more rows)` : "";
    throw new UserError(
      `${path}, row ${row}${others}: "${name}" must be ${good}, it is ${cell ? `"${cell}"` : "empty"}.`,
      next,
    );
  }
}
