// Fingerprints of files, to detect changes: from the file system's stamp, else from the content.
import { createHash, hash } from "node:crypto";
import { type BigIntStats, closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { checkInterrupt } from "../interrupt";
import { environmentFault, faultCode, readPatiently } from "./file_faults";

const PIECES = 256;
const PIECE_BYTES = 4096;

/**
 * Computes a fingerprint of a file of weights without reading gigabytes: SHA-256 over its length and 256 pieces of
 * 4 KB, evenly spread. That suffices because training changes all weights of a model. Reads small files whole.
 * @returns hexadecimal
 */
export function fileFingerprint(path: string): string {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const hash = createHash("sha256").update(String(size));
    const step = Math.max(PIECE_BYTES, (size - PIECE_BYTES) / (PIECES - 1));
    const piece = Buffer.alloc(PIECE_BYTES);
    for (let start = 0; start < size; start += step) {
      const count = readSync(file, piece, 0, PIECE_BYTES, Math.floor(start));
      hash.update(piece.subarray(0, count));
    }
    return hash.digest("hex");
  } finally {
    closeSync(file);
  }
}

/** A file as the file system shows it. */
export interface SeenFile {
  /** Size, both times and inode as text: while it is the same, so is the content. "" if that is not certain yet. */
  stamp: string;
  /** The later of both times: the content is not newer. */
  changedMs: number;
}

/** The coarsest step of a file system's clock: a file may change within it and keep its times. */
const CLOCK_STEP_MS = 2000;
const NS_PER_MS = 1_000_000n;

/**
 * Reads the stamp of a file, not its content.
 * @returns undefined if there is no file
 * @throws UnreachableFile after a fault of the environment
 */
export async function seeFile(path: string): Promise<SeenFile | undefined> {
  try {
    return seen(statSync(path, { bigint: true }));
  } catch (error) {
    if (faultCode(error) === "ENOENT") return undefined;
    if (environmentFault(error) === undefined) return { stamp: "", changedMs: Number.POSITIVE_INFINITY };
    return seeAgain(path);
  }
}

function seeAgain(path: string): Promise<SeenFile | undefined> {
  return readPatiently(path, () => {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found && seen(found);
  });
}

function seen({ size, mtimeNs, ctimeNs, ino }: BigIntStats): SeenFile {
  const isSettled = Date.now() - Number(ctimeNs / NS_PER_MS) > CLOCK_STEP_MS;
  const latest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return {
    stamp: isSettled ? `${size} ${mtimeNs} ${ctimeNs} ${ino}` : "",
    changedMs: Number(latest / NS_PER_MS),
  };
}

/** Length of a content hash in hexadecimal letters: 128 bits. */
export const CONTENT_LETTERS = 32;
/** The hash of a path that is not a readable file, such as a folder under an image's name. */
export const NO_CONTENT = "0".repeat(CONTENT_LETTERS);

/** Hashes bytes: the first half of their SHA-256. @returns hexadecimal */
export function contentOf(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex").slice(0, CONTENT_LETTERS);
}

const HASHED_BYTES = 1 << 20;

/**
 * Hashes a file of any length as `contentOf` does.
 * @returns `NO_CONTENT` if it is not a readable file
 * @throws UnreachableFile after a fault of the environment
 */
export async function fileContent(path: string): Promise<string> {
  try {
    return await readPatiently(path, () => hashFile(path));
  } catch (error) {
    if (faultCode(error) === undefined || environmentFault(error) !== undefined) throw error;
    return NO_CONTENT;
  }
}

async function hashFile(path: string): Promise<string> {
  const file = openSync(path, "r");
  try {
    const sum = createHash("sha256");
    const piece = Buffer.allocUnsafe(Math.min(HASHED_BYTES, fstatSync(file).size + 1));
    for (let count = -1; count !== 0; await checkInterrupt()) {
      count = readSync(file, piece, 0, piece.length, null);
      sum.update(piece.subarray(0, count));
    }
    return sum.digest("hex").slice(0, CONTENT_LETTERS);
  } finally {
    closeSync(file);
  }
}
