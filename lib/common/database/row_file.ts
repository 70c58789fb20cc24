// Rows of a large result by way of a file. DuckDB's client hands out cells one by one, a text in 2 us; a file that
// DuckDB writes with all threads is read four times as fast.
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkInterrupt } from "../interrupt";

/** Columns of a result: whole numbers, and texts. */
export interface RowColumns {
  numbers?: readonly string[];
  texts?: readonly string[];
}

/** One row of a result. It is overwritten by the next one. */
export interface ResultRow {
  /** The whole numbers, in the order of the columns; -1 for NULL. */
  numbers: readonly number[];
  /** The bytes of the texts: text i is `bytes[ends[i] .. ends[i + 1]]`. A NULL is an empty text. */
  bytes: Buffer;
  ends: readonly number[];
  /** Returns a text. */
  text(column: number): string;
}

const SPACE = 0x20;
const LINE_FEED = "\n";
const MINUS = 0x2d;
const ZERO = 0x30;
const BLOCK_BYTES = 4 << 20;

/**
 * Returns the query whose rows `throughRowFile` reads: the numbers, the lengths of the texts, and all texts together. The
 * lengths tell where a text ends, so it may hold anything.
 * @param path of the file that is written
 */
export function rowFileQuery(sql: string, { numbers = [], texts = [] }: RowColumns, path: string): string {
  const lengths = texts.map((name) => `strlen(${name})`);
  const cells = [...numbers, ...lengths, `concat(${["''", ...texts].join(", ")})`];
  return `COPY (SELECT ${cells.join(", ")} FROM (${sql})) TO ${path}
    (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER ' ')`;
}

/** Makes a folder for the file, calls `write` with its path and `use` with every row of what was written. */
export async function throughRowFile(
  { numbers = [], texts = [] }: RowColumns,
  write: (path: string) => Promise<void>,
  use: (row: ResultRow) => void,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "guie-rows-"));
  let file: number | undefined;
  try {
    const path = join(folder, "rows.txt");
    await write(path);
    file = openSync(path, "r");
    await readRows(file, numbers.length, texts.length, use);
  } finally {
    if (file !== undefined) closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function readRows(
  file: number,
  numberCount: number,
  textCount: number,
  use: (row: ResultRow) => void,
): Promise<void> {
  const row = new RowParser(numberCount, textCount);
  let kept = 0;
  for (;;) {
    await checkInterrupt();
    if (kept === row.bytes.length) row.bytes = Buffer.concat([row.bytes], 2 * kept); // one row of many megabytes
    const read = readSync(file, row.bytes, kept, row.bytes.length - kept, null);
    if (read === 0) return;
    const length = kept + read;
    let start = 0;
    while (row.parse(start, length)) {
      use(row);
      start = row.next;
    }
    row.bytes.copyWithin(0, start, length);
    kept = length - start;
  }
}

class RowParser implements ResultRow {
  readonly numbers: number[];
  readonly ends: number[];
  bytes = Buffer.allocUnsafe(BLOCK_BYTES);
  /** The start of the next row. */
  next = 0;

  constructor(numberCount: number, textCount: number) {
    this.numbers = new Array<number>(numberCount).fill(0);
    this.ends = new Array<number>(textCount + 1).fill(0);
  }

  text(column: number): string {
    return this.bytes.toString("utf8", this.ends[column], this.ends[column + 1]);
  }

  /** Parses the row at `start`. @returns false if the first `length` bytes end before it */
  parse(start: number, length: number): boolean {
    const { numbers, ends } = this;
    this.next = start;
    for (let i = 0; i < numbers.length; i++) numbers[i] = this.#number(length, -1);
    for (let i = 1; i < ends.length; i++) ends[i] = this.#number(length, 0); // lengths, until the start is known
    ends[0] = this.next;
    for (let i = 1; i < ends.length; i++) ends[i]! += ends[i - 1]!;
    this.next = ends.at(-1)! + LINE_FEED.length;
    return this.next <= length;
  }

  /** Reads a number and the space behind it, at the latest to `length`; `empty` if there is none. */
  #number(length: number, empty: number): number {
    const { bytes } = this;
    let at = this.next;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    const first = at;
    let value = 0;
    while (at < length && bytes[at] !== SPACE) value = 10 * value + bytes[at++]! - ZERO;
    this.next = at + 1;
    if (at === first) return empty;
    return isNegative ? -value : value;
  }
}
