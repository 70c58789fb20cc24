// Reads and writes files: atomic writes, JSON, sorted listings.
import { randomBytes } from "node:crypto";
import {
  accessSync,
  appendFileSync,
  constants,
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
import { byCodeUnit } from "../code_units";
import { messageOf, UserError } from "../errors";
import { isRunning } from "../processes";
import { parseJson } from "../schema";
import { renameDurably, renameTogether } from "./durable";
import { fileErrorCode, fileErrorWords, inWords } from "./errno";
import { specialKind } from "./regular_file";

/** The ending of temporary names; its first group is the process that writes. */
export const TEMPORARY_NAME = /\.(\d+)\.[0-9a-f]+\.tmp(\.d)?$/;

/** The name under which `path` is written before it is renamed. */
export function temporaryPath(path: string): string {
  return `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
}

/** Deletes a temporary file. That this fails is told by the error that led here: the same disk, the same name. */
function discard(temporary: string): void {
  try {
    rmSync(temporary, { force: true });
  } catch {}
}

const ABANDONED_MS = 3_600_000;

/**
 * Deletes temporary files and folders beside `path` that a killed process left behind: those to which nothing was
 * written for an hour. Those of `path` alone are looked at, in one listing of its folder.
 * @param ofThisMachine only this machine writes `path`: those of processes that are gone are deleted at once
 */
export function removeAbandoned(path: string, { ofThisMachine = false } = {}): void {
  const folder = dirname(path);
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const writer = name.startsWith(`${basename(path)}.`) && TEMPORARY_NAME.exec(name);
    if (!writer) continue;
    const temporary = join(folder, name);
    const ageMs = Date.now() - (statSync(temporary, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    const isOrphan = ofThisMachine && !isRunning(Number(writer[1]));
    if (isOrphan || ageMs > ABANDONED_MS) rmSync(temporary, { recursive: true, force: true });
  }
}

/** Deletes the temporary files in a folder that this process owns: killed ones have left them. */
export function removeTemporaries(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder))
    if (TEMPORARY_NAME.test(name)) rmSync(join(folder, name), { recursive: true });
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
    throw writeError(path, error);
  } finally {
    discard(temporary); // rename(2) leaves both where they are two names of one file
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
    throw writeError(paths[0] ?? "A file", error);
  } finally {
    for (const temporary of temporaries) discard(temporary);
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
    discard(temporary);
    throw writeError(path, error);
  }
}

/** Makes a folder and those above it. @throws UserError as `writeAtomically` */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw writeError(path, error);
  }
}

/** Adds text to the end of a file. @throws UserError as `writeAtomically` */
export function appendToFile(path: string, content: string | Uint8Array): void {
  try {
    appendFileSync(path, content);
  } catch (error) {
    throw writeError(path, error);
  }
}

/**
 * Puts an error of writing to `path` into words. Of a folder that cannot be made, Node.js says "missing" on a read-only
 * disk (the disk is asked), and "exists" where a file has its name.
 */
export function writeError(path: string, error: unknown): unknown {
  const refusal = mkdirRefusal(path, error);
  const told = refusal ? Object.assign(new Error(messageOf(error)), { code: refusal, path }) : error;
  return inWords(told, path, "written");
}

function mkdirRefusal(path: string, error: unknown): string | undefined {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (syscall !== "mkdir") return undefined;
  if (code === "EEXIST") return "ENOTDIR";
  return code === "ENOENT" ? whyNotWritten(path) : undefined;
}

/** The code by which a file system refuses to write to `path`, or to make it; undefined where it does not. */
export function whyNotWritten(path: string): string | undefined {
  let nearest = path;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

/** Writes `value` as indented JSON, atomically. */
export function writeJson(path: string, value: unknown): void {
  writeFileAtomically(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Refuses a path at which no file can be read: nothing, a folder, one of no permission.
 * @param what what is expected there: "a JSON file"
 * @param next what makes it
 */
export function requireFile(path: string, what: string, next?: string): void {
  const fault = faultOfFile(path);
  if (fault) throw new UserError(`Expected ${what} at ${path}: ${fault}.`, next);
}

function faultOfFile(path: string): string | undefined {
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) return fileErrorWords("EISDIR");
    const special = specialKind(stats);
    if (special) return `it is ${special}, not a file`;
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const code = fileErrorCode(error);
    if (!code) throw error;
    return code === "ENOENT" ? "there is none" : fileErrorWords(code);
  }
}

/**
 * Reads a JSON file.
 * @param next what makes it, or mends it
 * @throws UserError when it is missing, is not JSON, or does not fit the schema
 */
export function readJson<T>(path: string, schema: z.ZodType<T>, next?: string): T {
  requireFile(path, "a JSON file", next);
  return parseJson(path, readFileSync(path, "utf8"), schema, next);
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
