// Loads a CSV file into DuckDB and checks it.
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "csv-stringify/sync";
import { eachRecord } from "../common/csv/csv";
import { twoLabels } from "../common/csv/one_label";
import { readTableForm, type TableForm } from "../common/csv/table_text";
import { type Database, sqlText } from "../common/database/database";
import { messageOf, UserError } from "../common/errors";
import { Interrupted } from "../common/interrupt";

/** A column of a CSV file and the kind of its cells. */
export interface CsvColumn {
  name: string;
  /**
   * "path": below the data directory. "count": a whole number from 0, of up to nine digits. "label": a data set's own
   * number of a class, a whole number from 0 that a double holds.
   */
  kind: "text" | "path" | "count" | "label";
}

/** The checks of each kind: the SQL condition of a bad cell, and the description of a good one. */
const CHECKS: Record<CsvColumn["kind"], readonly [bad: (cell: string) => string, good: string][]> = {
  text: [],
  path: [
    [(cell) => `coalesce(${cell}, '') = ''`, "a path"],
    [
      (cell) =>
        // CASE: an AND would match the regular expression against every cell
        `starts_with(${cell}, '/')
         OR CASE WHEN contains(${cell}, '..') THEN regexp_matches(${cell}, '(^|/)\\.\\.(/|$)') ELSE false END`,
      "a path below the data directory, without `..`",
    ],
  ],
  count: [[(cell) => `${cell} IS NULL`, "a whole number from 0 (of up to nine digits)"]],
  label: [[(cell) => `${cell} IS NULL`, "a whole number from 0"]],
};

/** Returns an SQL expression of a cell in its kind's type; NULL for a bad number. */
function typed({ name, kind }: CsvColumn): string {
  if (kind === "count")
    return `CASE WHEN regexp_full_match(${name}, ' *[0-9]{1,9} *') THEN ${name}::INTEGER END AS ${name}`;
  if (kind === "label")
    return `CASE WHEN regexp_full_match(${name}, ' *0*[0-9]{1,15} *') THEN ${name}::BIGINT END AS ${name}`;
  return `"${name}"`; // a name may be a word of SQL, such as group
}

/** Options of loading a table. */
export interface LoadOptions {
  /** "VIEW" keeps nothing in memory: every query reads the file again. */
  as?: "TABLE" | "VIEW";
  /** SQL expressions over all rows ("max(fold) AS last"), computed while the cells are checked. */
  aggregates?: readonly string[];
  /** False if the caller refuses repeated images itself. */
  checkLabels?: boolean;
}

/**
 * Reads columns of a CSV file with a header line into a new table: text as VARCHAR, counts as INTEGER, labels as
 * BIGINT. Accepts the same files as `readCsv`. The table's `rowid` counts the file's rows from 0.
 * @param next what to do if the file is missing or bad
 * @returns a row with the aggregates
 * @throws UserError for a missing or unreadable file, a missing column, no rows, bad cells (the first and their
 * number), or an image with two labels
 */
export async function loadCsv(
  database: Database,
  table: string,
  path: string,
  columns: readonly CsvColumn[],
  next: string,
  { as = "TABLE", aggregates = [], checkLabels = true }: LoadOptions = {},
): Promise<Record<string, number>> {
  const names = columns.map(({ name }) => name);
  const form = readTableForm(path, names, next);
  const load = async (file: string) => {
    const source = csvSource(file, form);
    const cells = columns.map(typed).join(", ");
    await database.run(`CREATE OR REPLACE ${as} ${table} AS SELECT ${cells} FROM ${source}`);
    return checkCells(database, { table, path, source, columns, next, aggregates, checkLabels });
  };
  // DuckDB reads a plain file directly. Any other file is read as by `readCsv` and copied in plain form, so that both
  // accept the same files and refuse others with the same message.
  if (await isPlain(path, form)) {
    try {
      return await load(database.openFile(path));
    } catch (error) {
      if (error instanceof Interrupted || error instanceof UserError) throw error;
    }
  }
  const copy = await openPlainCopy(database, path, form, next);
  try {
    return await load(copy);
  } catch (error) {
    if (error instanceof Interrupted || error instanceof UserError) throw error;
    const reason = messageOf(error).split("\n").slice(0, 3).join("; ");
    throw new UserError(`${path} is not a readable CSV file: ${reason}.`, next, { cause: error });
  }
}

/** Tells DuckDB everything: its own guess takes a later line for the header if rows differ in length. */
function csvSource(file: string, form: TableForm): string {
  const columns = form.columns.map((name) => `${sqlText(name)}: 'VARCHAR'`).join(", ");
  const written = `header = true, delim = ',', quote = '"', escape = '"', new_line = '\\n', compression = 'none'`;
  return `read_csv(${file}, auto_detect = false, columns = {${columns}}, ${written}, hive_partitioning = false)`;
}

/** Text that a plain file does not have: it uses only commas and line feeds. DuckDB ignores a comma at a row's end. */
const SPECIAL = ['"', "'", "\r", "\0", ",\n"];
const [COMMA, LINE_FEED] = [0x2c, 0x0a];
const ROWS_PER_WRITE = 10_000;
const CHUNK_BYTES = 1 << 20;

async function isPlain(path: string, { encoding, separator, spaced }: TableForm): Promise<boolean> {
  if (encoding !== "utf-8" || separator !== "," || spaced) return false;
  let last: number | undefined;
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    if (last === undefined && (chunk[0] === 0xef || chunk[0] === LINE_FEED)) return false; // a mark, an empty line
    if (last === COMMA && chunk[0] === LINE_FEED) return false;
    if (SPECIAL.some((character) => chunk.includes(character))) return false;
    last = chunk.at(-1);
  }
  return last !== COMMA;
}

async function openPlainCopy(
  database: Database,
  path: string,
  form: TableForm,
  next: string,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "guie-table-"));
  try {
    const copy = join(folder, "plain.csv");
    const file = openSync(copy, "w");
    let block: (readonly string[])[] = [form.columns];
    const write = () => writeSync(file, stringify(block, { quoted: true }));
    await eachRecord(path, form, next, (cells) => {
      if (block.push(cells) < ROWS_PER_WRITE) return;
      write();
      block = [];
    });
    write();
    closeSync(file);
    return database.openFile(copy);
  } finally {
    rmSync(folder, { recursive: true }); // the open file stays readable
  }
}

interface CellsToCheck {
  table: string;
  path: string;
  source: string;
  columns: readonly CsvColumn[];
  next: string;
  aggregates: readonly string[];
  checkLabels: boolean;
}

async function checkCells(
  database: Database,
  { table, path, source, columns, next, aggregates, checkLabels }: CellsToCheck,
): Promise<Record<string, number>> {
  const checks = columns.flatMap(({ name, kind }) =>
    CHECKS[kind].map(([bad, good]) => ({ name, bad: bad(name), good })),
  );
  const counts = checks.map(({ bad }, i) => `count(*) FILTER (${bad}) AS bad_${i}`);
  const labelled = checkLabels ? labelledImages(columns) : undefined;
  const distinct = labelled
    ? [
        `count(DISTINCT hash(${labelled.image})) AS images`,
        `count(DISTINCT hash(${labelled.image}, ${labelled.label})) AS pairs`,
      ]
    : [];
  const found = await database.row<Record<string, number>>(
    `SELECT ${["count(*) AS rows", ...counts, ...distinct, ...aggregates].join(", ")} FROM ${table}`,
  );
  if (found.rows === 0) throw new UserError(`${path} holds no rows.`, next);
  for (const [i, { name, bad, good }] of checks.entries()) {
    const count = found[`bad_${i}`]!;
    if (count === 0) continue;
    const { row } = await database.row<{ row: number }>(
      `SELECT row FROM (${withRows(table)}) WHERE ${bad} ORDER BY row LIMIT 1`,
    );
    const { cell } = await database.row<{ cell: string | null }>(
      `SELECT "${name}" AS cell FROM ${source} LIMIT 1 OFFSET ${row - 1}`,
    );
    const others = count > 1 ? ` (and ${count - 1} more rows)` : "";
    throw new UserError(
      `${path}, row ${row}${others}: "${name}" must be ${good}, it is ${cell ? `"${cell}"` : "empty"}.`,
      next,
    );
  }
  if (labelled && found.images !== found.pairs) throw await conflict(database, table, path, labelled);
  return found;
}

const LABEL_COLUMNS = ["labels", "new_labels"];

/** Returns expressions for the image and its label in a table with both. Forms of Unicode are one image. */
function labelledImages(columns: readonly CsvColumn[]): { image: string; label: string } | undefined {
  const image = columns.find(({ kind }) => kind === "path")?.name;
  const label = columns.find(({ name }) => LABEL_COLUMNS.includes(name))?.name;
  return image && label ? { image: `nfc_normalize(${image})`, label } : undefined;
}

async function conflict(
  database: Database,
  table: string,
  path: string,
  { image, label }: { image: string; label: string },
): Promise<UserError> {
  const { file } = await database.row<{ file: string }>(
    `SELECT ${image} AS file FROM ${table} GROUP BY file HAVING count(DISTINCT ${label}) > 1 ORDER BY file LIMIT 1`,
  );
  const rows = await database.rows<{ label: number; row: number }>(
    `SELECT ${label} AS label, min(row) AS row FROM (${withRows(table)}) WHERE ${image} = ${sqlText(file)}
     GROUP BY label ORDER BY row LIMIT 2`,
  );
  const [first, second] = rows as [(typeof rows)[0], (typeof rows)[0]];
  return twoLabels(path, file, [first.row, second.row], [first.label, second.label]);
}

function withRows(table: string): string {
  return `SELECT *, row_number() OVER () AS row FROM ${table}`;
}
