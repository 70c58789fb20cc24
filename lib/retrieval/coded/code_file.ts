// Codes of an index on disk, so that only the first search codes all rows. A file holds the levels' values, float32
// [E, L], the codes [N, B], and the CRC-32 of both; numbers are little-endian.
import { existsSync, readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { writeFileAtomically } from "../../common/files/files";
import type { Codes } from "./coded_index";
import { type CodeBits, codeBytes, levelsOf } from "./levels";

const CRC_BYTES = 4;

/** Writes codes. */
export function writeCodes(path: string, { levels: { values }, codes }: Codes): void {
  const file = Buffer.alloc(values.byteLength + codes.length + CRC_BYTES);
  file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  file.set(codes, values.byteLength);
  file.writeUInt32LE(crc32(file.subarray(0, -CRC_BYTES)), file.length - CRC_BYTES);
  writeFileAtomically(path, file);
}

/** Reads the codes of N rows of E numbers; undefined if the file is missing, damaged or of other rows. */
export function readCodes(
  path: string,
  { bits, count, length }: { bits: CodeBits; count: number; length: number },
): Codes | undefined {
  if (!existsSync(path)) return undefined;
  const file = readFileSync(path);
  const valueBytes = length * 2 ** bits * Float32Array.BYTES_PER_ELEMENT;
  const codesEnd = valueBytes + count * codeBytes({ bits, length });
  if (file.length !== codesEnd + CRC_BYTES) return undefined;
  if (crc32(file.subarray(0, codesEnd)) !== file.readUInt32LE(codesEnd)) return undefined;
  const values = new Float32Array(Uint8Array.from(file.subarray(0, valueBytes)).buffer);
  return { levels: levelsOf({ bits, length, values }), codes: file.subarray(valueBytes, codesEnd) };
}
