// Reads data elements of a MATLAB level 5 file ("MAT-File Format", MathWorks, chapter 1): a tag of type and size, then
// bytes.
import { inflateSync } from "node:zlib";

/** Position of a reader in the bytes of a file or of one compressed element. */
export interface Cursor {
  bytes: Buffer;
  offset: number;
  littleEndian: boolean;
}

/** One data element; `bytes` is its content without tag and padding. */
export interface Element {
  type: number;
  bytes: Buffer;
  littleEndian: boolean;
}

/** Type numbers of elements with a special role; miINT8 and other plain numbers are in `NUMBERS`. */
export const TYPE = {
  int32: 5,
  uint32: 6,
  matrix: 14,
  compressed: 15,
  utf8: 16,
  utf16: 17,
  utf32: 18,
} as const;

const TAG_BYTES = 8;
/** Maximum unpacked size of one variable: bounds the memory that a damaged or hostile file can claim. */
const MAX_UNPACKED_BYTES = 2 ** 27;

type ReadNumber = (view: DataView, offset: number, littleEndian: boolean) => number;

/** Element type -> bytes per number, and the function that reads it. */
const NUMBERS: Readonly<Record<number, readonly [bytes: number, read: ReadNumber]>> = {
  1: [1, (view, at) => view.getInt8(at)],
  2: [1, (view, at) => view.getUint8(at)],
  3: [2, (view, at, little) => view.getInt16(at, little)],
  4: [2, (view, at, little) => view.getUint16(at, little)],
  5: [4, (view, at, little) => view.getInt32(at, little)],
  6: [4, (view, at, little) => view.getUint32(at, little)],
  7: [4, (view, at, little) => view.getFloat32(at, little)],
  9: [8, (view, at, little) => view.getFloat64(at, little)],
  12: [8, (view, at, little) => exactNumber(view.getBigInt64(at, little))],
  13: [8, (view, at, little) => exactNumber(view.getBigUint64(at, little))],
  // Text in code units, for char arrays.
  16: [1, (view, at) => view.getUint8(at)],
  17: [2, (view, at, little) => view.getUint16(at, little)],
  18: [4, (view, at, little) => view.getUint32(at, little)],
};

/** Returns true if no element is left. */
export function atEnd({ bytes, offset }: Cursor): boolean {
  return offset >= bytes.length;
}

/**
 * Reads the next element and moves the cursor past it and its padding; a compressed element is unpacked.
 * @throws Error for a truncated element
 */
export function nextElement(cursor: Cursor): Element {
  const { bytes, offset, littleEndian } = cursor;
  if (offset + TAG_BYTES > bytes.length) throw new Error(`it is truncated at byte ${bytes.length}`);
  const word = readUint32(cursor, offset);
  // The small format: type, size and up to four bytes of content in one tag.
  const isSmall = word >>> 16 !== 0;
  const type = isSmall ? word & 0xffff : word;
  const size = isSmall ? word >>> 16 : readUint32(cursor, offset + 4);
  const start = offset + (isSmall ? 4 : TAG_BYTES);
  const end = start + size;
  if (end > bytes.length || (isSmall && size > 4)) {
    throw new Error(`the element at byte ${offset} has ${size} bytes, ${bytes.length - start} are left`);
  }
  const isPadded = type !== TYPE.compressed;
  cursor.offset = isSmall ? offset + TAG_BYTES : isPadded ? Math.ceil(end / 8) * 8 : end;
  const element = { type, bytes: bytes.subarray(start, end), littleEndian };
  return type === TYPE.compressed ? unpack(element) : element;
}

/** Returns a cursor over the elements inside an element. */
export function cursorInside({ bytes, littleEndian }: Element): Cursor {
  return { bytes, offset: 0, littleEndian };
}

/**
 * Returns the numbers of an element.
 * @throws Error for an element that is not numeric, or whose size is not a multiple of one number
 */
export function numbersOf({ type, bytes, littleEndian }: Element): number[] {
  const number = NUMBERS[type];
  if (!number) throw new Error(`expected numbers, found an element of type ${type}`);
  const [size, read] = number;
  if (bytes.length % size !== 0)
    throw new Error(`${bytes.length} bytes are not a multiple of ${size} bytes, the size of one number`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / size }, (_, i) => read(view, i * size, littleEndian));
}

function unpack({ bytes, littleEndian }: Element): Element {
  const content = inflateSync(bytes, { maxOutputLength: MAX_UNPACKED_BYTES });
  const element = nextElement({ bytes: content, offset: 0, littleEndian });
  if (element.type !== TYPE.matrix)
    throw new Error(`a compressed element holds type ${element.type}, not a variable`);
  return element;
}

function readUint32({ bytes, littleEndian }: Cursor, offset: number): number {
  return littleEndian ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);
}

function exactNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new Error(`the 64-bit number ${value} is too large to be exact`);
  return number;
}
