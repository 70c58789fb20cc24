// Reads MATLAB arrays from data elements. Values are in column-major order, as in MATLAB.
import { type Cursor, cursorInside, type Element, nextElement, numbersOf, TYPE } from "./elements";

/** A MATLAB array. `dims` are its sizes; lists are in column-major order. */
export type MatlabArray =
  | { kind: "numeric"; dims: number[]; values: number[] }
  | { kind: "char"; dims: number[]; rows: string[] }
  | { kind: "cell"; dims: number[]; cells: MatlabArray[] }
  | { kind: "struct"; dims: number[]; fields: string[]; elements: Record<string, MatlabArray>[] };

/** Header of an array: its name, class, flags and sizes. */
export interface ArrayHead {
  name: string;
  classNumber: number;
  isComplex: boolean;
  dims: number[];
}

const CLASS = { cell: 1, struct: 2, char: 4, firstNumeric: 6, lastNumeric: 15 } as const;
const UNREAD: Readonly<Record<number, string>> = {
  3: "an object",
  5: "a sparse matrix",
  16: "a function",
  17: "an object of a class",
};
const COMPLEX_FLAG = 0x08;
/** Maximum depth of nested arrays; deeper ones mean a damaged or hostile file. */
const MAX_DEPTH = 64;
/** Minimum size of an array element: its tag. */
const MIN_ELEMENT_BYTES = 8;

/** Reads the header of an array and moves `cursor` to its content. */
export function readHead(cursor: Cursor): ArrayHead {
  const [flags = 0] = numbersOf(expectType(nextElement(cursor), TYPE.uint32, "array flags"));
  const dims = numbersOf(expectType(nextElement(cursor), TYPE.int32, "array sizes"));
  if (dims.length < 2 || dims.some((size) => size < 0))
    throw new Error(`an array has the sizes ${dims.join(" x ")}`);
  const name = nextElement(cursor).bytes.toString("latin1");
  return { name, classNumber: flags & 0xff, isComplex: ((flags >> 8) & COMPLEX_FLAG) !== 0, dims };
}

/**
 * Reads the content of an array after its header.
 * @throws Error for a class of array that is not supported, or for damaged content
 */
export function readContent(cursor: Cursor, head: ArrayHead, depth = 0): MatlabArray {
  const { classNumber, dims } = head;
  if (classNumber === CLASS.char) return { kind: "char", dims, rows: charRows(nextElement(cursor), dims) };
  if (classNumber === CLASS.cell)
    return { kind: "cell", dims, cells: readCells(cursor, countOf(dims), depth) };
  if (classNumber === CLASS.struct) return readStructs(cursor, dims, depth);
  if (classNumber >= CLASS.firstNumeric && classNumber <= CLASS.lastNumeric) return readNumeric(cursor, head);
  throw new Error(
    `"${head.name}" holds ${UNREAD[classNumber] ?? `class ${classNumber}`}, which is not supported`,
  );
}

function readArray(element: Element, depth: number): MatlabArray {
  expectType(element, TYPE.matrix, "an array");
  if (depth > MAX_DEPTH) throw new Error(`its arrays are nested more than ${MAX_DEPTH} deep`);
  if (element.bytes.length === 0) return { kind: "numeric", dims: [0, 0], values: [] };
  const cursor = cursorInside(element);
  return readContent(cursor, readHead(cursor), depth);
}

function readNumeric(cursor: Cursor, { name, dims, isComplex }: ArrayHead): MatlabArray {
  if (isComplex) throw new Error(`"${name}" holds complex numbers, which are not supported`);
  const values = numbersOf(nextElement(cursor));
  expectCount(values.length, dims);
  return { kind: "numeric", dims, values };
}

function readCells(cursor: Cursor, count: number, depth: number): MatlabArray[] {
  const left = cursor.bytes.length - cursor.offset;
  if (count * MIN_ELEMENT_BYTES > left) throw new Error(`${count} arrays do not fit into ${left} bytes`);
  return Array.from({ length: count }, () => readArray(nextElement(cursor), depth + 1));
}

function readStructs(cursor: Cursor, dims: number[], depth: number): MatlabArray {
  const [nameBytes = 0] = numbersOf(expectType(nextElement(cursor), TYPE.int32, "the length of field names"));
  const names = nextElement(cursor).bytes.toString("latin1");
  const fieldCount = nameBytes > 0 ? Math.floor(names.length / nameBytes) : 0;
  const fields = Array.from({ length: fieldCount }, (_, i) =>
    names.slice(i * nameBytes, (i + 1) * nameBytes).replace(/\0.*$/s, ""),
  );
  const cells = readCells(cursor, countOf(dims) * fields.length, depth);
  const elements = Array.from({ length: fields.length > 0 ? countOf(dims) : 0 }, (_, i) =>
    Object.fromEntries(fields.map((field, j) => [field, cells[i * fields.length + j]!])),
  );
  return { kind: "struct", dims, fields, elements };
}

/** Returns the rows of a char array; its M x N characters are stored column by column. */
function charRows(element: Element, dims: number[]): string[] {
  const text = textOf(element);
  // MATLAB counts UTF-16 code units, scipy code points.
  const characters = text.length === countOf(dims) ? text.split("") : [...text];
  expectCount(characters.length, dims);
  const [rowCount = 0, columnCount = 0] = dims;
  if (dims.length > 2) throw new Error(`text of ${dims.length} dimensions is not supported`);
  return Array.from({ length: rowCount }, (_, row) =>
    Array.from({ length: columnCount }, (_, column) => characters[column * rowCount + row]).join(""),
  );
}

/**
 * Returns the text of an element: MATLAB writes UTF-16 code units as 16-bit numbers, other programs UTF-8, UTF-16 or
 * UTF-32.
 */
function textOf(element: Element): string {
  if (element.type === TYPE.utf8) return element.bytes.toString("utf8");
  const codes = numbersOf(element);
  return codes
    .map((code) => (element.type === TYPE.utf32 ? String.fromCodePoint(code) : String.fromCharCode(code)))
    .join("");
}

function countOf(dims: readonly number[]): number {
  return dims.reduce((count, size) => count * size, 1);
}

function expectCount(found: number, dims: readonly number[]): void {
  if (found !== countOf(dims)) throw new Error(`an array of ${dims.join(" x ")} holds ${found} values`);
}

function expectType(element: Element, type: number, what: string): Element {
  if (element.type !== type) throw new Error(`expected ${what}, found an element of type ${element.type}`);
  return element;
}
