// Reads parts of a file, with checksums.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { UserError } from "../common/errors";

/** The system reads and writes less than 2 GiB at once. */
export const PIECE_BYTES = 2 ** 28;

/**
 * `length` bytes of an open file from `start` on.
 * @param path the file's name, for the message
 * @throws UserError when the file ends before
 */
export function readBytes(path: string, file: number, start: number, length: number): ArrayBuffer {
  const bytes = new Uint8Array(length);
  readBytesInto(path, file, start, bytes);
  return bytes.buffer;
}

/**
 * Fills `bytes` with those of an open file from `start` on.
 * @param path the file's name, for the message
 * @throws UserError when the file ends before
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

/** Nearly every tensor in one piece: measured, 256 KB cost twice as much. */
const SUM_PIECE_BYTES = 2 ** 24;

/**
 * Fills `bytes` as `readBytesInto` does.
 * @param sum of the bytes before
 * @returns CRC-32 of these and the bytes
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
 * CRC-32 of `length` bytes of an open file from `start` on. Python: `zlib.crc32`.
 * @param path the file's name, for the message
 * @throws UserError when the file ends before
 */
export function crcOf(path: string, file: number, start: number, length: number): number {
  const piece = Buffer.alloc(Math.min(SUM_PIECE_BYTES, length));
  let sum = 0;
  for (let done = 0; done < length; done += piece.length)
    sum = readSummed(path, file, start + done, piece.subarray(0, length - done), sum);
  return sum;
}

/** Size of a file, and the CRC-32 of all its bytes. */
export function sumFile(path: string): { bytes: number; crc32: number } {
  const file = openSync(path, "r");
  try {
    const bytes = fstatSync(file).size;
    return { bytes, crc32: crcOf(path, file, 0, bytes) };
  } finally {
    closeSync(file);
  }
}

/** Reads a part of a file from its beginning to its end. */
export interface ByteReader {
  /** How many bytes have been taken. */
  position(): number;
  /**
   * The next `length` bytes.
   * @throws UserError when there are fewer
   */
  take(length: number): Buffer;
}

const BUFFER_BYTES = 2 ** 16;

/** A reader of the bytes from `start` to `end` (exclusive) of an open file. */
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
