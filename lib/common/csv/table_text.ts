// Reads the text of a table, and its form from the first bytes: encoding, separator, columns. Every table is read here.
import { isUtf8 } from "node:buffer";
import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import { messageOf, UserError } from "../errors";
import { requireFile } from "../files/files";
import { RecordSplitter } from "./split_rows";

/** The form of a table. */
export interface TableForm {
  encoding: "utf-8" | "utf-16le" | "utf-16be";
  separator: string;
  /** Names of the columns, trimmed. */
  columns: readonly string[];
  /** True if a space follows the separator, as in "a.jpg, 7". */
  spaced: boolean;
}

const SEPARATORS = [",", ";", "\t", "|"] as const;
const HEAD_BYTES = 1 << 16;
const CHUNK_BYTES = 1 << 20;
const SHOWN_LETTERS = 80;

/**
 * Reads the form of a table from its first line.
 * @param expected the required columns
 * @throws UserError for a missing or empty file, one that is not text, a column that is missing or repeated
 */
export function readTableForm(path: string, expected: readonly string[], next?: string): TableForm {
  requireFile(path, "a CSV file", next);
  const head = headOf(path);
  const encoding = encodingOf(path, head, next);
  const line = firstLine(new TextDecoder(encoding).decode(head));
  if (line === undefined)
    throw new UserError(
      `${path} is empty: expected a line with the names of its columns${listOf(expected)}.`,
      next,
    );
  const separator = separatorOf(line);
  const names = splitHeader(path, line, separator, next);
  const columns = names.map((name, i) => name.trim().normalize("NFC") || `column_${i}`); // pandas' index has no name
  const repeated = columns.find((name, i) => columns.indexOf(name) !== i);
  if (repeated !== undefined) {
    throw new UserError(
      `${path} has the column "${repeated}" twice; it has: ${columns.join(", ")}.`,
      "Remove one of the two, or rename it.",
    );
  }
  requireColumns(path, { columns, separator }, expected, next);
  const spaced = unquoted(line)
    .split(separator)
    .slice(1)
    .some((name) => name.startsWith(" "));
  return { encoding, separator, columns, spaced };
}

function listOf(columns: readonly string[]): string {
  return columns.length === 0 ? "" : ` (${columns.join(", ")})`;
}

/** Checks that a table has the expected columns. @throws UserError naming the missing columns and those it has */
export function requireColumns(
  path: string,
  { columns: found, separator }: Pick<TableForm, "columns" | "separator">,
  expected: readonly string[],
  next?: string,
): void {
  const missing = expected.filter((name) => !found.includes(name)).map((name) => `"${name}"`);
  if (missing.length === 0) return;
  const separated = separator === "," ? "" : ` (separated by ${JSON.stringify(separator)})`;
  const what = missing.join(", ");
  throw new UserError(`${path} lacks the column ${what}; it has: ${found.join(", ")}${separated}.`, next);
}

/**
 * Yields the text of a file piece by piece, without its byte order mark.
 * @throws UserError for bytes that are not text in that encoding, and for zero bytes
 */
export async function* readText(
  path: string,
  encoding: TableForm["encoding"],
  next?: string,
): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    yield textOf(path, () => decoder.decode(chunk, { stream: true }), encoding, next);
  }
  yield textOf(path, () => decoder.decode(), encoding, next);
}

/** Reads the lines of a text file, trimmed, without empty ones. @throws UserError as `readText` */
export async function readLines(path: string, next?: string): Promise<string[]> {
  requireFile(path, "a text file", next);
  const pieces: string[] = [];
  for await (const piece of readText(path, encodingOf(path, headOf(path), next), next)) pieces.push(piece);
  return pieces
    .join("")
    .split(/\r\n|\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function headOf(path: string): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  const file = openSync(path, "r");
  try {
    return head.subarray(0, readSync(file, head, 0, HEAD_BYTES, 0));
  } finally {
    closeSync(file);
  }
}

function encodingOf(path: string, head: Buffer, next?: string): TableForm["encoding"] {
  const mark = head.subarray(0, 4).toString("latin1");
  if (mark.startsWith("\xff\xfe\0\0") || mark === "\0\0\xfe\xff")
    throw new UserError(`${path} is UTF-32 text.`, `iconv -f utf32 -t utf8 FILE > utf8.csv`);
  if (mark.startsWith("\xff\xfe")) return "utf-16le";
  if (mark.startsWith("\xfe\xff")) return "utf-16be";
  if (mark.startsWith("PK\x03\x04"))
    throw new UserError(`${path} is a ZIP file or a spreadsheet, not a CSV file.`, "Save it as CSV (UTF-8).");
  if (head.includes(0)) throw zeroByte(path, head, next);
  return "utf-8";
}

function zeroByte(path: string, head: Buffer, next?: string): UserError {
  const zeros = head.filter((byte) => byte === 0).length;
  const isWide = zeros > head.length / 3;
  return new UserError(
    `${path} is not a readable CSV file: it holds zero bytes${isWide ? ", as UTF-16 text without a byte order mark does" : ""}.`,
    isWide ? `iconv -f utf-16le -t utf8 FILE > utf8.csv` : (next ?? "Write it again: something damaged it."),
  );
}

/** Returns the first line that is not empty; of the file's beginning, in which the header must end. */
function firstLine(head: string): string | undefined {
  return head.split(/\r\n|\n|\r/).find((line) => line.trim() !== "");
}

/** Returns the most frequent separator of the first line, outside quotes. */
function separatorOf(line: string): string {
  const counts = SEPARATORS.map((separator) => unquoted(line).split(separator).length - 1);
  return SEPARATORS[counts.indexOf(Math.max(...counts))]!;
}

function unquoted(line: string): string {
  return line.replace(/"[^"]*"/g, "");
}

function splitHeader(path: string, line: string, separator: string, next?: string): string[] {
  let names: string[] = [];
  const splitter = new RecordSplitter({ separator, spaced: true }, (cells) => {
    names = cells;
  });
  try {
    splitter.push(line);
    splitter.end();
  } catch (error) {
    const shown = JSON.stringify(line.slice(0, SHOWN_LETTERS));
    const what = `${path} is not a readable CSV file: its first line is ${shown}`;
    throw new UserError(`${what}: ${messageOf(error)}.`, next, { cause: error });
  }
  return names;
}

function textOf(path: string, decode: () => string, encoding: TableForm["encoding"], next?: string): string {
  let text: string;
  try {
    text = decode();
  } catch (error) {
    throw notText(path, encoding, error);
  }
  if (!text.includes("\0")) return text;
  throw new UserError(`${path} is not a readable CSV file: it holds zero bytes.`, next);
}

function notText(path: string, encoding: TableForm["encoding"], error: unknown): UserError {
  if (encoding !== "utf-8")
    return new UserError(`${path} is cut off, or no ${encoding} text.`, "Save it again as UTF-8.");
  const { line, shown } = firstBadLine(path);
  return new UserError(
    `${path}, line ${line} is not UTF-8 text: read as latin-1 it is ${JSON.stringify(shown)}.`,
    `Turn it into UTF-8, such as: iconv -f latin1 -t utf8 FILE > utf8.csv (-f gbk for Chinese, -f shift_jis for Japanese)`,
    { cause: error },
  );
}

/** Reads a file again line by line, for the message of an error. */
function firstBadLine(path: string): { line: number; shown: string } {
  const file = openSync(path, "r");
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let rest = Buffer.alloc(0);
  let line = 0;
  try {
    for (let count = readSync(file, chunk); ; count = readSync(file, chunk)) {
      const bytes = Buffer.concat([rest, chunk.subarray(0, count)]);
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0 || count === 0; end = bytes.indexOf(10, start)) {
        line++;
        const text = bytes.subarray(start, end < 0 ? bytes.length : end);
        if (!isUtf8(text) || end < 0) return { line, shown: text.toString("latin1").slice(0, SHOWN_LETTERS) };
        start = end + 1;
      }
      rest = Buffer.from(bytes.subarray(start));
    }
  } finally {
    closeSync(file);
  }
}
