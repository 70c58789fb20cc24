// Separates faults of a file from faults of the environment: an unplugged disk, a share that does not answer, too many
// open files. The latter say nothing about the file: readers wait for them to pass, then report them, and never record
// them as a result.
import { opendirSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors";
import { fileErrorWords, isFileErrorCode } from "./errno";

/** Codes of faults of the file itself, the same at every try; any other code is a fault of the environment. */
const FILE_FAULTS = new Set([
  "EISDIR",
  "ENOTDIR",
  "ELOOP",
  "ENAMETOOLONG",
  "EINVAL",
  "EEXIST",
  "EILSEQ",
  "ENXIO",
]);

/** Pauses before the further tries to read a file. */
const PAUSES_MS: readonly number[] = [100, 400, 1500, 3000];

/** A file or folder that cannot be read at the moment because of its environment. */
export class UnreachableFile extends UserError {
  /** True after `readPatiently` has tried and waited. */
  wasAwaited = false;

  constructor(path: string, why: string, cause?: unknown) {
    super(
      `${path} cannot be read now: ${why}.`,
      "Check that its disk or share is there, then run it again: it continues, and what is finished is kept. " +
        "Remove deleted files from the list or table that names them.",
      { cause },
    );
  }
}

/** Returns the code of a fault of the environment; undefined for a fault of the file and for any other error. */
export function environmentFault(error: unknown): string | undefined {
  const code = faultCode(error);
  return code !== undefined && !FILE_FAULTS.has(code) ? code : undefined;
}

/** Returns the file system's code behind an error, such as EISDIR; undefined if there is none. */
export function faultCode(error: unknown): string | undefined {
  const { code, cause } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
  return cause === undefined ? undefined : faultCode(cause);
}

/**
 * Reads a file that was listed a moment ago; after a fault of the environment tries again after each pause.
 * @throws UnreachableFile if the fault persists; any other error as it is
 */
export async function readPatiently<T>(
  path: string,
  read: () => T | Promise<T>,
  pausesMs: readonly number[] = PAUSES_MS,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      const told = unreachable(path, error);
      if (!(told instanceof UnreachableFile) || told.wasAwaited) throw told;
      if (attempt >= pausesMs.length) throw Object.assign(told, { wasAwaited: true });
      await sleep(pausesMs[attempt]);
    }
  }
}

/** Turns a fault of the environment into an UnreachableFile; returns any other error as it is. */
export function unreachable(path: string, error: unknown): unknown {
  if (error instanceof UnreachableFile) return error;
  const code = environmentFault(error);
  return code === undefined ? error : new UnreachableFile(path, wordsOf(code), error);
}

function wordsOf(code: string): string {
  return code === "ENOENT" ? "missing file" : isFileErrorCode(code) ? fileErrorWords(code) : code;
}

/**
 * Separates deleted files from the files of a missing disk: a folder that is missing or empty is gone with its disk, or
 * was emptied as a whole.
 * @param missing absolute paths of files that do not exist
 * @throws UnreachableFile naming such a folder
 */
export function requireFoldersOf(missing: Iterable<string>): void {
  const counts = new Map<string, number>();
  for (const path of missing) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  for (const [folder, count] of counts) {
    const state = emptyOrGone(folder);
    const images = count === 1 ? "1 image that is" : `${count.toLocaleString("en-US")} images that are`;
    if (state) throw new UnreachableFile(folder, `it is ${state}, with ${images} to be read from it`);
  }
}

function emptyOrGone(folder: string): string | undefined {
  try {
    const entries = opendirSync(folder);
    const first = entries.readSync();
    entries.closeSync();
    return first === null ? "empty" : undefined;
  } catch (error) {
    const code = faultCode(error);
    if (code === undefined) throw error;
    return code === "ENOENT" ? "not there" : `out of reach (${wordsOf(code)})`;
  }
}
