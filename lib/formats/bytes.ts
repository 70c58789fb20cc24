// Reads parts of files, with checksums.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { UserError } from "../common/errors";

/** The most bytes of one read or write: the system's limit is just below 2 GiB. */
export const PIECE_BYTES = 2 ** 28;

/**
 * Reads `length` bytes of an open file from `start` on.
 * @param path the file's name, for the message
 * @throws UserError if the file ends earlier
 */
export function readBytes(path: string, file: number, start: number, length: number): ArrayBuffer {
  const bytes = new Uint8Array(length);
  readBytesInto(path, file, start, bytes);
  return bytes.buffer;
}

/**
 * Fills `bytes` from an open file, from byte `start` on.
 * @param path the file's name, for the message
 * @throws UserError if the file ends earlier
 */
export function readBytesInto(path: string, file: number, start: number, bytes: Uint8Array): void {
  const { length } = bytes;
  let done = 0;
  while (done < length) {
    const count = readSync(file, bytes, done, Math.min(PIECE_BYTES, length - done), start + done);
    if (count === 0) {
      throw new UserError(
        `${path} is cut short: it ends at byte ${start + done}, expected ${start + length} or more.`,
        "Make or download the file again.",
      );
    }
    done += count;
  }
}

/** Size of a summed piece: holds nearly every tensor. Pieces of 256 KB took twice as long when measured. */
const SUM_PIECE_BYTES = 2 ** 24;

/**
 * Fills `bytes` as `readBytesInto` does and computes their checksum.
 * @param sum CRC-32 of the bytes before
 * @returns CRC-32 of those and these bytes
 */
export function readSummed(path: string, file: number, start: number, bytes: Uint8Array, sum = 0): number {
  let total = sum;
  for (let done = 0; done < bytes.length; done += SUM_PIECE_BYTES) {
    const piece = bytes.subarray(done, done + SUM_PIECE_BYTES);
    readBytesInto(path, file, start + done, piece);
    total = crc32(piece, total);
  }
  return total;
}

/**
 * Computes the CRC-32 of `length` bytes of an open file from `start` on. Python: `zlib.crc32`.
 * @param path the file's name, for the message
 * @throws UserError if the file ends earlier
 */
export function crcOf(path: string, file: number, start: number, length: number): number {
  const piece = Buffer.alloc(Math.min(SUM_PIECE_BYTES, length));
  let sum = 0;
  for (let done = 0; done < length; done += piece.length)
    sum = readSummed(path, file, start + done, piece.subarray(0, length - done), sum);
  return sum;
}

/** Returns the size of a file and the CRC-32 of all its bytes. */
export function sumFile(path: string): { bytes: number; crc32: number } {
  const file = openSync(path, "r");
  try {
    const bytes = fstatSync(file).size;
    return { bytes, crc32: crcOf(path, file, 0, bytes) };
  } finally {
    closeSync(file);
  }
}

/** A sequential reader of a part of a file. */
export interface ByteReader {
  /** Returns the number of bytes taken so far. */
  position(): number;
  /**
   * Returns the next `length` bytes.
   * @throws UserError if fewer are left
   */
  take(length: number): Buffer;
}

const BUFFER_BYTES = 2 ** 16;

/** Makes a reader of the bytes from `start` to `end` (exclusive) of an open file. */
export function byteReader(path: string, file: number, start: number, end: number): ByteReader {
  let buffer = Buffer.alloc(0);
  let bufferStart = start;
  let position = start;
  return {
    position: () => position - start,
    take: (length) => {
      if (length > end - position) {
        throw new UserError(
          `${path} is cut short: ${length} bytes were expected at byte ${position}, found ${end - position}.`,
          "Make or download the file again.",
        );
      }
      if (position + length > bufferStart + buffer.length) {
        bufferStart = position;
        const wanted = Math.min(end - position, Math.max(length, BUFFER_BYTES));
        buffer = Buffer.from(readBytes(path, file, position, wanted));
      }
      const bytes = buffer.subarray(position - bufferStart, position - bufferStart + length);
      position += length;
      return bytes;
    },
  };
}
