// The tables of a folder of features: the image of each row, its class, its fold, and any further columns of text.
import { type CsvRow, eachCsvRow, wholeNumberCell, writeCsv } from "../common/csv/csv";
import { pathForSpreadsheet, pathFromSpreadsheet } from "../common/csv/spreadsheet";
import { UserError } from "../common/errors";
import { TextColumn, type Texts } from "../common/texts";
import { keysOf } from "../common/typed_keys";

/** The images of the rows, in order. */
export interface FeatureRows {
  files: Texts;
  /** Classes, if known. */
  labels?: ArrayLike<number>;
  /** Folds, if known. */
  folds?: ArrayLike<number>;
  /** Name of each class by its label, if the classes have names. */
  classNames?: readonly string[];
  /** Further columns of the images' table by their names; "" where a row has no text. */
  columns?: ReadonlyMap<string, Texts>;
}

const NUMBERS = { labels: "labels", fold: "folds" } as const;
/** Columns that have a meaning of their own; any other column of a table is text. */
const OWN_COLUMNS: readonly string[] = ["image_files", ...Object.keys(NUMBERS)];

/** Returns whether a column of a person's table can be kept under its name. */
export function isFurtherColumn(name: string): boolean {
  return name !== "" && !OWN_COLUMNS.includes(name);
}

/** A table on disk, and how many rows it has. */
export interface RowsTable {
  path: string;
  count: number;
}

/** What is read of tables. */
interface TableReading {
  /** Tells which rows stay, by their number over all tables. */
  isKept: (row: number) => boolean;
  /** Number of these. */
  count: number;
  /** The class of rows whose table has none, next to tables that have. Default: 0. */
  noClass?: number | undefined;
  /** What to do about a table that does not fit. */
  next: string;
}

/**
 * Reads tables as one, the rows of the first one first.
 * @throws UserError for a table with another number of rows
 */
export async function readRowsCsv(
  tables: readonly RowsTable[],
  { isKept, count, noClass = 0, next }: TableReading,
): Promise<FeatureRows> {
  const gathered = new GatheredRows(count, noClass, next);
  let first = 0;
  for (const { path, count: rows } of tables) {
    const found = await eachCsvRow(path, ["image_files"], (row, index) => {
      if (index < rows && isKept(first + index)) gathered.add(row, `${path}, row ${index + 1}`);
    });
    if (found !== rows)
      throw new UserError(`${path} names ${found} rows, but there are features of ${rows}.`, next);
    first += rows;
  }
  return gathered.rows;
}

/** Rows of tables that need not have the same columns. */
class GatheredRows {
  readonly #count: number;
  readonly #next: string;
  readonly #files: TextColumn;
  readonly #numbers: Record<keyof typeof NUMBERS, Float64Array>; // class numbers may have ten digits
  readonly #present = new Set<string>();
  readonly #columns = new Map<string, TextColumn>();

  constructor(count: number, noClass: number, next: string) {
    this.#count = count;
    this.#next = next;
    this.#files = new TextColumn(count);
    this.#numbers = { labels: new Float64Array(count).fill(noClass), fold: new Float64Array(count) };
  }

  add(row: CsvRow, where: string): void {
    const place = this.#files.length;
    this.#files.push(pathFromSpreadsheet(row.image_files!));
    for (const name of keysOf(this.#numbers)) {
      if (row[name] === undefined) continue;
      this.#present.add(name);
      this.#numbers[name][place] = wholeNumberCell(row[name], `${where}: "${name}"`, this.#next);
    }
    for (const [name, text] of Object.entries(row))
      if (isFurtherColumn(name) && text !== "") this.#columnOf(name, place).push(text);
  }

  get rows(): FeatureRows {
    for (const column of this.#columns.values()) fillUp(column, this.#files.length);
    return {
      files: this.#files,
      ...(this.#present.has("labels") ? { labels: this.#numbers.labels } : {}),
      ...(this.#present.has("fold") ? { folds: this.#numbers.fold } : {}),
      ...(this.#columns.size > 0 ? { columns: this.#columns } : {}),
    };
  }

  #columnOf(name: string, place: number): TextColumn {
    const column = this.#columns.get(name) ?? new TextColumn(this.#count);
    this.#columns.set(name, column);
    return fillUp(column, place);
  }
}

/** Gives the rows of a column up to `row` (exclusive) that have no text an empty one. */
function fillUp(column: TextColumn, row: number): TextColumn {
  while (column.length < row) column.push("");
  return column;
}

/** Writes a table. @param isLeftOut tells which rows are not written, by file and number @returns number of rows */
export async function writeRowsCsv(
  path: string,
  { files, labels, folds, columns = new Map() }: FeatureRows,
  isLeftOut: (file: string, row: number) => boolean = () => false,
): Promise<number> {
  const numbers = [labels, folds].filter((values) => values !== undefined);
  const names = ["image_files", ...(labels ? ["labels"] : []), ...(folds ? ["fold"] : []), ...columns.keys()];
  const texts = [...columns.values()];
  let written = 0;
  function* lines(): Generator<(string | number)[]> {
    let row = 0;
    for (const file of files) {
      if (!isLeftOut(file, row)) {
        written++;
        yield [
          pathForSpreadsheet(file),
          ...numbers.map((values) => values[row]!),
          ...texts.map((column) => column.at(row)!),
        ];
      }
      row++;
    }
  }
  await writeCsv(path, names, lines());
  return written;
}
