// Replacing what a command made before: only what it (or its like) made gives way, and only once the new is whole.
// Beside a place NAME stand, while it is filled: `.NAME.making`, the new; `.NAME.replaced`, the old until the new is in
// its place, and `.NAME.dropped`, the old while it is deleted. Who calls these functions owns the place (owner.ts).
import { existsSync, lstatSync, readdirSync, realpathSync, renameSync, rmSync, type Stats } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { byCodeUnit } from "../code_units";
import { UserError } from "../errors";
import { TEMPORARY_NAME } from "./files";

/** What a command makes at a place, and how it is known again. */
export interface MadeKind {
  /** With its article: "an ONNX export". */
  what: string;
  isFolder: boolean;
  /** Paths below the folder that belong to it, with "/" between names and behind those of folders. */
  parts?: readonly RegExp[];
  /** Whether what is there, all of it parts, was made by this project. */
  isMade(path: string): boolean;
}

/** How a place may be replaced. */
export interface ReplaceOptions {
  /** Whether the user asked for it. */
  overwrite: boolean;
  /** Files and folders from which the new is made: they must not go with the old. */
  inputs?: readonly string[];
  /** What names another place, for the message; "--out" unless told. */
  option?: string;
}

/** Files of operating systems that belong to nobody. */
const NOBODYS = /^(\.DS_Store|Thumbs\.db|desktop\.ini|\.nfs[0-9a-f]+)$/;
/** Files of this module and of owner.ts, within a folder that is replaced as a whole. */
const HELPERS = /^\..+\.(owner|making|replaced|dropped)$/;
const SHOWN = 3;

/** Where the new is made, beside its place. */
export function makingPlace(place: string): string {
  return beside(place, "making");
}

/** Where the old stays until the new is in its place. */
export function replacedPlace(place: string): string {
  return beside(place, "replaced");
}

function beside(place: string, ending: string): string {
  const path = resolve(place);
  return join(dirname(path), `.${basename(path)}.${ending}`);
}

/**
 * Checks that a place is free, or holds something of the kind that may be replaced.
 * @throws UserError naming what stands in the way
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

/** Whether a path is, or lies below, what stands at a place, links followed. */
function isWithin(place: string, path: string): boolean {
  if (!existsSync(path) || !existsSync(place)) return false;
  const [inner, outer] = [realpathSync(path), realpathSync(place)];
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}

/** A folder in which there is nothing but what a killed process left, for a kind that is a folder. */
function isFree(place: string, kind: MadeKind, found: Stats): boolean {
  const isNothing = (name: string) =>
    [NOBODYS, HELPERS, TEMPORARY_NAME].some((pattern) => pattern.test(name));
  return kind.isFolder && found.isDirectory() && readdirSync(place).every(isNothing);
}

function obstacleIn(place: string, kind: MadeKind, found: Stats): string | undefined {
  if (found.isSymbolicLink()) return "is a link: what it leads to is not replaced";
  if (kind.isFolder && !found.isDirectory()) return `is a file, and ${kind.what} is a folder`;
  if (!kind.isFolder && !found.isFile()) return `is a folder, and ${kind.what} is a file`;
  const foreign = kind.isFolder ? foreignParts(place, kind.parts ?? []) : [];
  if (foreign.length > 0) {
    const more = foreign.length > SHOWN ? ", ..." : "";
    return `holds what is no part of ${kind.what}: ${foreign.slice(0, SHOWN).join(", ")}${more}`;
  }
  return kind.isMade(place) ? undefined : `is not ${kind.what} of this project`;
}

/** Paths in a folder that are none of the parts; of a folder that is none its name alone. At most one more than are shown. */
export function foreignParts(folder: string, parts: readonly RegExp[], below = ""): string[] {
  const foreign: string[] = [];
  const entries = readdirSync(join(folder, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => byCodeUnit(a.name, b.name))) {
    if (foreign.length > SHOWN) break;
    if (NOBODYS.test(entry.name) || HELPERS.test(entry.name)) continue;
    const path = below + entry.name;
    const name = entry.isDirectory() ? `${path}/` : path.replace(TEMPORARY_NAME, "");
    const isPart = (entry.isDirectory() || entry.isFile()) && parts.some((part) => part.test(name));
    if (!isPart) foreign.push(entry.isDirectory() ? `${path}/` : path);
    else if (entry.isDirectory()) foreign.push(...foreignParts(folder, parts, `${path}/`));
  }
  return foreign;
}

/** All files below a folder, by their paths in it, but those that belong to nobody. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !NOBODYS.test(entry.name) && !HELPERS.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort(byCodeUnit);
}

/** Puts a file or folder that is whole into its place; the old goes once the new is there. */
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

/** Brings the old back, in place of a new that did not come to be. @returns whether there was an old one */
export function putBack(place: string): boolean {
  if (!existsSync(replacedPlace(place))) return false;
  rmSync(place, { recursive: true, force: true });
  renameSync(replacedPlace(place), place);
  return true;
}

/** Deletes the old: the new is whole. Killed half way, what is left of it never comes back. */
export function dropReplaced(place: string): void {
  const dropped = beside(place, "dropped");
  rmSync(dropped, { recursive: true, force: true });
  if (!existsSync(replacedPlace(place))) return;
  renameSync(replacedPlace(place), dropped);
  rmSync(dropped, { recursive: true });
}

/** Whether a killed replacement is to be ended here, by `settleReplaced`. */
export function isUnsettled(place: string): boolean {
  return existsSync(replacedPlace(place)) || existsSync(beside(place, "dropped"));
}

/**
 * Ends a replacement that was killed: the old goes where the new is whole, else it comes back.
 * @param isWhole whether the new, which stands at the place, is whole; where it was made elsewhere it is
 */
export function settleReplaced(place: string, isWhole: () => boolean = () => true): void {
  if (!isUnsettled(place)) return;
  if (existsSync(place) && isWhole()) dropReplaced(place);
  else putBack(place);
}
