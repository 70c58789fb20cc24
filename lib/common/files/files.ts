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
import { isRunning } from "../parallel/processes";
import { parseJson } from "../schema";
import { renameDurably, renameTogether } from "./durable";
import { fileErrorCode, fileErrorWords, inWords } from "./errno";
import { specialKind } from "./regular_file";

/** The ending of temporary names; its first group is the process that writes the file. */
export const TEMPORARY_NAME = /\.(\d+)\.[0-9a-f]+\.tmp(\.d)?$/;

/** Returns a new name under which `path` is written before it is renamed. */
export function temporaryPath(path: string): string {
  return `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
}

/** Deletes a temporary file. Ignores failure: the error that led here reports the same disk and name. */
function discard(temporary: string): void {
  try {
    rmSync(temporary, { force: true });
  } catch {}
}

const ABANDONED_MS = 3_600_000;

/**
 * Deletes temporary files and folders of `path` that a killed process left behind: those unchanged for an hour. Lists
 * the folder once and ignores the temporary files of other paths.
 * @param ofThisMachine true if only this machine writes `path`: deletes those of dead processes at once
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

/** Deletes the temporary files in a folder that this process owns: killed processes have left them. */
export function removeTemporaries(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder))
    if (TEMPORARY_NAME.test(name)) rmSync(join(folder, name), { recursive: true });
}

/**
 * Lets `write` fill a temporary file next to `path` and renames it into place when it is complete and on the disk.
 * `path` is therefore always absent, old or complete, also after a power cut. Makes the folders above it.
 * @throws UserError if the disk is full or read-only
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
    discard(temporary); // rename(2) leaves both if they are two names of one file
  }
}

/**
 * Lets `write` fill a temporary file next to each of `paths` (in their order) and renames all files into place
 * together, when every one is complete: an error leaves the old files unchanged.
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
 * @param durable false for one of many thousands of files that can be made again: does not wait until it is on the disk
 * (3 ms each), so a power cut may leave it empty
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
 * Puts an error of writing to `path` into words. When a folder cannot be made, Node.js says "missing" on a read-only
 * disk (this function asks the disk), and "exists" if a file has the folder's name.
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

/** Returns the code with which the file system refuses to write or make `path`; undefined if it allows it. */
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
  writeFileAtomically(path, jsonText(value));
}

/** Returns `value` as the indented JSON of a file. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/**
 * Checks that a readable file is at `path`.
 * @param what the expected file: "a JSON file"
 * @param next the step that makes it
 * @throws UserError if there is nothing, a folder, a special file, or no permission to read
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
 * @param next the step that makes or fixes it
 * @throws UserError if it is missing, is not JSON, or does not fit the schema
 */
export function readJson<T>(path: string, schema: z.ZodType<T>, next?: string): T {
  requireFile(path, "a JSON file", next);
  return parseJson(path, readFileSync(path, "utf8"), schema, next);
}

/**
 * Lists the names of the sub-folders (or files) of `folder` without hidden ones, sorted by code unit.
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
