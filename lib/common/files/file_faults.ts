// Tells a file's own fault from the world's: a disk that was unplugged, a share that does not answer, too many open
// files. The world's faults say nothing of a file: they are waited for, then told, and never noted as a result.
import { opendirSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors";
import { fileErrorWords, isFileErrorCode } from "./errno";

/** The codes that tell of the file itself, however often it is asked for; any other code is the world's. */
const OWN_FAULTS = new Set([
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

/** A file, or a folder of files, that cannot be read now through no fault of its own. */
export class UnreachableFile extends UserError {
  /** Whether it was waited for. */
  wasAwaited = false;

  constructor(path: string, why: string, cause?: unknown) {
    super(
      `${path} cannot be read now: ${why}.`,
      "See that its disk or share is there, then do the same again: it goes on, and what is finished is kept. " +
        "Files that were deleted belong out of the list or table that names them.",
      { cause },
    );
  }
}

/** The file system's code of a fault of the world; undefined for a file's own fault and for any other error. */
export function worldFault(error: unknown): string | undefined {
  const code = faultCode(error);
  return code !== undefined && !OWN_FAULTS.has(code) ? code : undefined;
}

/** The file system's code behind an error, such as EISDIR; undefined where there is none. */
export function faultCode(error: unknown): string | undefined {
  const { code, cause } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
  return cause === undefined ? undefined : faultCode(cause);
}

/**
 * Reads a file that was listed a moment ago; where the world is at fault it tries again after each pause.
 * @throws UnreachableFile when it stays so; any other error as it is
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

/** Turns a fault of the world into an UnreachableFile; any other error is returned as it is. */
export function unreachable(path: string, error: unknown): unknown {
  if (error instanceof UnreachableFile) return error;
  const code = worldFault(error);
  return code === undefined ? error : new UnreachableFile(path, wordsOf(code), error);
}

function wordsOf(code: string): string {
  return code === "ENOENT" ? "missing file" : isFileErrorCode(code) ? fileErrorWords(code) : code;
}

/**
 * Tells files that somebody deleted from those of a disk that is gone: a folder of which nothing is left is gone with
 * its disk, or was emptied as a whole.
 * @param missing absolute paths that were not there when they were looked for
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
