import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { z } from "zod";
import { renameDurably, renameTogether } from "./durable";
import { UserError } from "./errors";
import { isRunning } from "./processes";
import { parseJson } from "./schema";

/** The name under which `path` is written before it is renamed. */
export function temporaryPath(path: string): string {
  return `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
}

const ABANDONED_MS = 3_600_000;

/**
 * Deletes temporary files beside `path` that a killed process left behind: those to which nothing was written for an
 * hour. Files of `path` alone are looked at, in one listing of its folder.
 * @param ofThisMachine only this machine writes `path`: those of processes that are gone are deleted at once
 */
export function removeAbandoned(path: string, { ofThisMachine = false } = {}): void {
  const folder = dirname(path);
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const writer = name.startsWith(`${basename(path)}.`) && /\.(\d+)\.[0-9a-f]{8}\.tmp$/.exec(name);
    if (!writer) continue;
    const temporary = join(folder, name);
    const ageMs = Date.now() - (statSync(temporary, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    const isOrphan = ofThisMachine && !isRunning(Number(writer[1]));
    if (isOrphan || ageMs > ABANDONED_MS) rmSync(temporary, { force: true });
  }
}

/**
 * Lets `write` fill a temporary file beside `path` and renames it into place when it is whole and on the disk.
 * `path` is therefore always absent, old or complete, also after a power cut; folders above it are made.
 * @throws UserError where the disk is full or may not be written to
 */
export async function writeAtomically(
  path: string,
  write: (temporary: string) => Promise<void> | void,
): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    mkdirSync(dirname(path), { recursive: true });
    await write(temporary);
    renameDurably(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw writeError(path, error);
  }
}

/**
 * Lets `write` fill a temporary file beside each of `paths` (given in their order) and renames all of them into place
 * together, when every one is whole: an error leaves those from before as they were.
 * @throws UserError as `writeAtomically`
 */
export async function writeTogether<T>(
  paths: readonly string[],
  write: (temporaries: readonly string[]) => Promise<T>,
): Promise<T> {
  const temporaries = paths.map(temporaryPath);
  try {
    for (const path of paths) mkdirSync(dirname(path), { recursive: true });
    const result = await write(temporaries);
    renameTogether(paths.map((path, i) => [temporaries[i]!, path]));
    return result;
  } catch (error) {
    throw writeError(paths[0]!, error);
  } finally {
    for (const temporary of temporaries) rmSync(temporary, { force: true });
  }
}

/**
 * Writes `content` to `path` under a temporary name, then renames it.
 * @param durable false for one of many thousands of files that can be made again: it is not waited for until it is on
 * the disk (3 ms each), and a power cut may leave it empty
 * @throws UserError as `writeAtomically`
 */
export function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  { durable = true } = {},
): void {
  const temporary = temporaryPath(path);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, content);
    (durable ? renameDurably : renameSync)(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw writeError(path, error);
  }
}

/** Why a file system refuses to write, in words. */
const WRITE_ERRORS: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is larger than this process may write (ulimit -f)",
  EROFS: "the disk is read-only",
  EACCES: "permission denied",
};

/**
 * A UserError in place of one of the file system that a person can mend (a full disk, no permission); any other error
 * as it is.
 * @param path what was to be written
 * @param done what could not be done to it
 */
export function writeError(path: string, error: unknown, done = "written"): unknown {
  const reason = WRITE_ERRORS[(error as NodeJS.ErrnoException | undefined)?.code ?? ""];
  if (!reason) return error;
  const next = "Make room (or choose another folder) and run it again: what is finished is kept.";
  return new UserError(`${path} could not be ${done}: ${reason}.`, next, { cause: error });
}

/** Writes `value` as indented JSON, atomically. */
export function writeJson(path: string, value: unknown): void {
  writeFileAtomically(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Reads a JSON file.
 * @param next what makes it, or mends it
 * @throws UserError when it is missing, is not JSON, or does not fit the schema
 */
export function readJson<T>(path: string, schema: z.ZodType<T>, next?: string): T {
  if (!existsSync(path)) throw new UserError(`Expected a JSON file at ${path}: there is none.`, next);
  return parseJson(path, readFileSync(path, "utf8"), schema, next);
}

/** Sorts by code unit, not by locale: the same order on every machine. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Names of the sub-folders (or files) of `folder`, sorted by code unit; hidden entries left out.
 * A symbolic link to a folder counts as a folder.
 */
export function listNames(folder: string, kind: "folders" | "files"): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith("."))
    .filter((entry) => {
      const isFolder =
        entry.isDirectory() || (entry.isSymbolicLink() && isFolderLink(join(folder, entry.name)));
      return kind === "folders" ? isFolder : !isFolder;
    })
    .map((entry) => entry.name)
    .sort(byCodeUnit);
}

function isFolderLink(path: string): boolean {
  try {
    readdirSync(path);
    return true;
  } catch {
    return false;
  }
}
