// CRC-32 sums in the files that we write, so that readers notice a flipped bit. safetensors' metadata holds
// "guie.crc32": eight hexadecimal digits for the header (computed with zeros in their place), then eight for the bytes
// of each tensor, in the file's order. In Python: zlib.crc32.
import { type BigIntStats, fstatSync } from "node:fs";
import { crc32 } from "node:zlib";
import { UserError } from "../common/errors";

/** The key of the metadata. */
const KEY = "guie.crc32";
const HEX = /^[0-9a-f]{8}( [0-9a-f]{8})*$/;
const NONE = "00000000";

/** The checksums that a file holds of its own bytes. */
export interface Checksums {
  /** CRC-32 of each tensor's bytes. */
  tensors: ReadonlyMap<string, number>;
}

/** Returns metadata with room for the checksums of this many tensors. */
export function withChecksumRoom(metadata: Record<string, string>, tensors: number): Record<string, string> {
  return { ...metadata, [KEY]: [NONE, ...new Array<string>(tensors).fill(NONE)].join(" ") };
}

/** Returns a header that has room for checksums with the checksums filled in. */
export function fillChecksums(header: Buffer, tensors: readonly number[]): Buffer {
  const filled = Buffer.from(header);
  const start = filled.indexOf([NONE, ...tensors.map(() => NONE)].join(" "));
  filled.write([NONE, ...tensors.map(hex)].join(" "), start, "latin1");
  filled.write(hex(crc32(filled)), start, "latin1");
  return filled;
}

/**
 * Removes the checksums from a file's metadata and returns them; undefined for a file of another program, without them.
 * @param names the tensors in the file's order
 * @throws UserError if the header or its entry of checksums is damaged
 */
export function takeChecksums(
  path: string,
  header: Buffer,
  metadata: Record<string, string>,
  names: readonly string[],
  next: string | undefined,
): Checksums | undefined {
  // By the value's form too: a bit of the key may have flipped
  const key = Object.keys(metadata).find((key) => key === KEY || looksLikeChecksums(metadata[key]!, names));
  if (key === undefined) return undefined;
  const text = metadata[key]!;
  delete metadata[key];
  const [headerSum, ...tensorSums] = text.split(" ");
  const start = header.indexOf(text);
  if (!looksLikeChecksums(text, names) || start < 0) throw damaged(path, "its header", next);
  const zeroed = Buffer.from(header);
  zeroed.write(NONE, start, "latin1");
  if (hex(crc32(zeroed)) !== headerSum) throw damaged(path, "its header", next);
  return { tensors: new Map(names.map((name, i) => [name, Number.parseInt(tensorSums[i]!, 16)])) };
}

function looksLikeChecksums(text: string, names: readonly string[]): boolean {
  return text.length === 9 * names.length + NONE.length && HEX.test(text);
}

/**
 * Checks parts of an open file by the CRC-32 of their bytes, each once in this process while the file is unchanged.
 */
export class ChecksumCheck {
  readonly #path: string;
  readonly #next: string | undefined;
  readonly #known: Set<string>;

  /** @param next what to do about a damaged file */
  constructor(path: string, file: number, next: string | undefined) {
    this.#path = path;
    this.#next = next;
    this.#known = knownParts(fstatSync(file, { bigint: true }));
  }

  /** Tells whether a part was checked before and is intact. */
  isKnown(part: string): boolean {
    return this.#known.has(part);
  }

  /** Compares the sums of a part. @throws UserError naming the part if they differ */
  compare(part: string, found: number, expected: number): void {
    if (found !== expected) throw damaged(this.#path, part, this.#next, { found, expected });
    this.#known.add(part);
  }
}

/** The intact parts of files, by the file's identity. */
const KNOWN = new Map<string, Set<string>>();
/** The most files that are remembered: older ones are checked again. */
const FILES_KNOWN = 1_000;

function knownParts({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): Set<string> {
  const identity = [dev, ino, size, mtimeNs, ctimeNs].join();
  const known = KNOWN.get(identity) ?? new Set();
  KNOWN.set(identity, known);
  if (KNOWN.size > FILES_KNOWN) KNOWN.delete(KNOWN.keys().next().value!);
  return known;
}

function damaged(
  path: string,
  part: string,
  next: string | undefined,
  sums?: { found: number; expected: number },
): UserError {
  const numbers = sums ? ` (CRC-32 ${hex(sums.found)}, expected ${hex(sums.expected)})` : "";
  return new UserError(
    `${path} is damaged: ${part} is not as it was written${numbers}.`,
    `Put a whole copy in its place, or delete it${next ? `. ${next}` : " and make it again."}`,
  );
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, "0");
}
