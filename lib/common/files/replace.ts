// Replaces earlier results of a command: only what this project made is replaced, and only by a complete new result.
// While a place NAME is filled, these are next to it: `.NAME.making`, the new; `.NAME.replaced`, the old until the new
// is in its place; `.NAME.dropped`, the old while it is deleted. Callers own the place (claim.ts).
import { existsSync, lstatSync, readdirSync, realpathSync, renameSync, rmSync, type Stats } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { byCodeUnit } from "../code_units";
import { UserError } from "../errors";
import { TEMPORARY_NAME } from "./files";

/** A kind of result that a command makes at a place, and how to recognise it. */
export interface MadeKind {
  /** With its article: "an ONNX export". */
  what: string;
  isFolder: boolean;
  /** Paths below the folder that belong to it, with "/" between names and after those of folders. */
  parts?: readonly RegExp[];
  /** Tells whether this project made the file or folder, which holds nothing but parts. */
  isMade(path: string): boolean;
}

/** Options of a replacement. */
export interface ReplaceOptions {
  /** True if the user asked for it. */
  overwrite: boolean;
  /** Files and folders that the new is made from: they must not be deleted with the old. */
  inputs?: readonly string[];
  /** The option that names another place, for the message; "--out" by default. */
  option?: string;
}

/** Files that operating systems leave in folders. */
const SYSTEM_FILES = /^(\.DS_Store|Thumbs\.db|desktop\.ini|\.nfs[0-9a-f]+)$/;
/** Files of this module, of owner.ts and shares.ts inside a folder that is replaced as a whole. */
const HELPERS = /^\..+\.(owner|making|replaced|dropped|shares)$/;
const SHOWN = 3;

/** Returns the path next to a place at which the new is made. */
export function makingPlace(place: string): string {
  return helperPath(place, "making");
}

/** Returns the path next to a place at which the old stays until the new is in its place. */
export function replacedPlace(place: string): string {
  return helperPath(place, "replaced");
}

/** Returns the path next to a place at which its shares (shares.ts) keep their files. */
export function sharesPlace(place: string): string {
  return helperPath(place, "shares");
}

function helperPath(place: string, ending: string): string {
  const path = resolve(place);
  return join(dirname(path), `.${basename(path)}.${ending}`);
}

/**
 * Checks that a place is free, or holds something of the kind that may be replaced.
 * @throws UserError naming the obstacle
 */
export function requireReplaceable(place: string, kind: MadeKind, options: ReplaceOptions): void {
  const { overwrite, inputs = [], option = "--out" } = options;
  const found = lstatSync(place, { throwIfNoEntry: false });
  if (!found) return;
  const other = `Choose another ${option}`;
  const input = inputs.find((path) => isWithin(place, path));
  if (input !== undefined) {
    const what = isWithin(input, place)
      ? "is what the new would be made from"
      : `holds ${input}: the new would be made from it`;
    throw new UserError(`${place} ${what}.`, `${other}.`);
  }
  if (isFree(place, kind, found)) return;
  const obstacle = obstacleIn(place, kind, found);
  if (obstacle) throw new UserError(`${place} ${obstacle}. It stays as it is.`, `${other}, or move it away.`);
  if (!overwrite)
    throw new UserError(
      `${place} is there already: ${kind.what}.`,
      `Give --overwrite to replace it, or another ${option}.`,
    );
}

/** Tells whether a path is a place or lies below it, with links followed. */
function isWithin(place: string, path: string): boolean {
  if (!existsSync(path) || !existsSync(place)) return false;
  const [inner, outer] = [realpathSync(path), realpathSync(place)];
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}

/** Tells whether a folder holds nothing but leftovers of killed processes, if the kind is a folder. */
function isFree(place: string, kind: MadeKind, found: Stats): boolean {
  const isNothing = (name: string) =>
    [SYSTEM_FILES, HELPERS, TEMPORARY_NAME].some((pattern) => pattern.test(name));
  return kind.isFolder && found.isDirectory() && readdirSync(place).every(isNothing);
}

/** Tells why a place is not of a kind, or holds more than that: "holds what is not part of a run: notes.txt". */
export function obstacleIn(place: string, kind: MadeKind, found: Stats): string | undefined {
  if (found.isSymbolicLink()) return "is a link: what it leads to is not replaced";
  if (kind.isFolder && !found.isDirectory()) return `is a file, and ${kind.what} is a folder`;
  if (!kind.isFolder && !found.isFile()) return `is a folder, and ${kind.what} is a file`;
  const foreign = kind.isFolder ? foreignParts(place, kind.parts ?? []) : [];
  if (foreign.length > 0) {
    const more = foreign.length > SHOWN ? ", ..." : "";
    return `holds what is not part of ${kind.what}: ${foreign.slice(0, SHOWN).join(", ")}${more}`;
  }
  return kind.isMade(place) ? undefined : `is not ${kind.what} of this project`;
}

/** Lists the paths in a folder that match no part (a foreign folder by its name alone), at most one more than SHOWN. */
function foreignParts(folder: string, parts: readonly RegExp[], below = ""): string[] {
  const foreign: string[] = [];
  const entries = readdirSync(join(folder, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => byCodeUnit(a.name, b.name))) {
    if (foreign.length > SHOWN) break;
    if (SYSTEM_FILES.test(entry.name) || HELPERS.test(entry.name)) continue;
    const path = below + entry.name;
    const name = entry.isDirectory() ? `${path}/` : path.replace(TEMPORARY_NAME, "");
    const isPart = (entry.isDirectory() || entry.isFile()) && parts.some((part) => part.test(name));
    if (!isPart) foreign.push(entry.isDirectory() ? `${path}/` : path);
    else if (entry.isDirectory()) foreign.push(...foreignParts(folder, parts, `${path}/`));
  }
  return foreign;
}

/** Lists all files below a folder by their paths in it, without system files and helpers. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !SYSTEM_FILES.test(entry.name) && !HELPERS.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort(byCodeUnit);
}

/** Moves a complete file or folder into its place, then deletes the old one. */
export function putInPlace(place: string, made: string): void {
  const old = lstatSync(place, { throwIfNoEntry: false });
  if (old?.isDirectory()) setAside(place);
  renameSync(made, place);
  dropReplaced(place);
}

/** Moves the old out of the way; `putBack` brings it back. */
export function setAside(place: string): void {
  renameSync(place, replacedPlace(place));
}

/** Brings the old back in place of an unfinished new. @returns false if there was no old one */
export function putBack(place: string): boolean {
  if (!existsSync(replacedPlace(place))) return false;
  rmSync(place, { recursive: true, force: true });
  renameSync(replacedPlace(place), place);
  return true;
}

/** Deletes the old once the new is complete. If killed half way, the remains never come back. */
export function dropReplaced(place: string): void {
  const dropped = helperPath(place, "dropped");
  rmSync(dropped, { recursive: true, force: true });
  if (!existsSync(replacedPlace(place))) return;
  renameSync(replacedPlace(place), dropped);
  rmSync(dropped, { recursive: true });
}

/** Deletes what is at a place: it is renamed first, so that a kill leaves nothing half under its name. */
export function dropPlace(place: string): void {
  const dropped = helperPath(place, "dropped");
  rmSync(dropped, { recursive: true, force: true });
  renameSync(place, dropped);
  rmSync(dropped, { recursive: true });
}

/** Ends the deletions in a folder that were killed. */
export function endDeletions(folder: string): void {
  for (const name of readdirSync(folder))
    if (/^\..+\.dropped$/.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
}

/** Tells whether a replacement was killed here, which `settleReplaced` then ends. */
export function isUnsettled(place: string): boolean {
  return existsSync(replacedPlace(place)) || existsSync(helperPath(place, "dropped"));
}

/**
 * Ends a killed replacement: deletes the old if the new is complete, else brings the old back.
 * @param isWhole tells whether the new at the place is complete; always true if it was made elsewhere and moved
 */
export function settleReplaced(place: string, isWhole: () => boolean = () => true): void {
  if (!isUnsettled(place)) return;
  if (existsSync(place) && isWhole()) dropReplaced(place);
  else putBack(place);
}
