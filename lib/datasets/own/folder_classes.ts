// Recognises classes and splits in the folders of images.

import { sameName } from "../../common/files/unicode_names";
import { grouped } from "../../common/grouped";
import { counted } from "../../common/words";
import { shownList } from "./said";
import { type Split, splitOf } from "./splits";

/** Classes that folders name. */
export interface FolderClasses {
  layout: string;
  /** Class and split of a folder's images. */
  ofFolder: ReadonlyMap<string, { className: string; split: Split }>;
  /** True if a folder names a class. */
  hasClasses: boolean;
  notes: string[];
}

/** Folders that hold images and name no class. */
const GENERIC = /^(images?|imgs?|photos?|pictures?|pics?|jpe?gs?|pngs?|data|files|raw|originals?)$/i;

/** A folder, its split, and the folders that are left when those of splits are taken out. */
interface Place {
  folder: string;
  split: Split;
  names: string[];
}

/**
 * Recognises the classes of folders: the deepest folder is the class, or the one at `classLevel` (from 1, without the
 * folders of splits). Classes of one name below several folders are named by their whole path.
 * @param folders the folders of images, relative to the source; "" is the source itself
 */
export function classesByFolder(folders: readonly string[], classLevel?: number): FolderClasses {
  const places = withoutSplits(folders.map((folder) => (folder === "" ? [] : folder.split("/"))));
  const hasSplits = places.some(({ split }) => split !== "");
  if (classLevel === undefined) dropGeneric(places);
  const keyOf = ({ names }: Place) =>
    names.length < (classLevel ?? 1) ? "" : sameName(names.slice(0, classLevel).join("/"));
  const splitsOf = splitsByKey(places, keyOf);
  const keys = [...splitsOf.keys()];
  const { nameOf, repeated, joined } = namesOf(keys, splitsOf);
  const classed = places.map((place) => {
    const key = keyOf(place);
    return [place.folder, { className: key === "" ? "" : nameOf(key), split: place.split }] as const;
  });
  const isNested = keys.some((key) => key.includes("/"));
  return {
    layout: keys.length === 0 ? flatLayout(hasSplits) : classLayout(isNested, hasSplits),
    ofFolder: new Map(classed),
    hasClasses: keys.length > 0,
    notes: [...joinedNote(joined), ...repeatedNote(repeated, classLevel), ...mixedNote(keys)],
  };
}

function flatLayout(hasSplits: boolean): string {
  return hasSplits ? "flat folders of splits" : "flat folder";
}

function classLayout(isNested: boolean, hasSplits: boolean): string {
  return `${isNested ? "nested class folders" : "class folders"}${hasSplits ? " in splits" : ""}`;
}

/** Finds the level of train/, val/ and test/ folders, and takes it out. */
function withoutSplits(paths: readonly string[][]): Place[] {
  const deep = paths.filter((path) => path.length > 0);
  const level = splitLevel(deep);
  const isLast = level === undefined && deep.length > 1 && deep.every(endsInSplit);
  return paths.map((path) => {
    const at = isLast ? path.length - 1 : (level ?? -1);
    const split = splitOf(path[at] ?? "");
    const names = split === undefined ? path : path.filter((_, i) => i !== at);
    return { folder: path.join("/"), split: split ?? "", names };
  });
}

const endsInSplit = (path: readonly string[]) => path.length > 1 && splitOf(path.at(-1)!) !== undefined;

/** Returns the first level at which all folders name splits, or several do that share classes. */
function splitLevel(paths: readonly string[][]): number | undefined {
  for (let level = 0; paths.length > 0 && paths.every((path) => path.length > level); level++) {
    const names = new Set(paths.map((path) => path[level]!));
    const splits = [...names].filter((name) => splitOf(name) !== undefined);
    if (splits.length === names.size) return level;
    if (splits.length > 1 && shareClasses(paths, level, splits)) return level;
    if (names.size > 1) return undefined;
  }
  return undefined;
}

function shareClasses(paths: readonly string[][], level: number, splits: readonly string[]): boolean {
  const seen = new Set<string>();
  return splits.some((split) => {
    const classes = paths.filter((path) => path[level] === split).map((path) => path.at(-1)!);
    const isShared = classes.some((name) => seen.has(sameName(name)));
    for (const name of classes) seen.add(sameName(name));
    return isShared;
  });
}

/** Removes a last folder that all share and that names no class: apple/images, pear/images. */
function dropGeneric(places: readonly Place[]): void {
  const deep = places.filter(({ names }) => names.length > 0);
  while (deep.length > 0) {
    const last = deep[0]!.names.at(-1);
    if (last === undefined || !GENERIC.test(last)) return;
    if (deep.some(({ names }) => names.at(-1) !== last)) return;
    for (const { names } of deep) names.pop();
  }
}

/** Returns the splits in which each class folder lies; without the folders that name no class. */
function splitsByKey(places: readonly Place[], keyOf: (place: Place) => string): Map<string, Split[]> {
  const byKey = grouped(places, keyOf);
  byKey.delete("");
  return new Map([...byKey].map(([key, same]) => [key, same.map(({ split }) => split)]));
}

const lastOf = (key: string) => key.slice(key.lastIndexOf("/") + 1);

/**
 * Names classes by their last folder. Of folders with one name, those that lie in different splits are one class
 * (a split may be sorted in another way); others are named by their whole path.
 */
function namesOf(keys: readonly string[], splitsOf: ReadonlyMap<string, Split[]>) {
  const several = [...grouped(keys, lastOf).values()].filter((same) => same.length > 1);
  const isOne = (same: readonly string[]) => {
    const splits = same.flatMap((key) => [...new Set(splitsOf.get(key))]);
    return !splits.includes("") && new Set(splits).size === splits.length;
  };
  const repeated = several.filter((same) => !isOne(same));
  const whole = new Set(repeated.flat());
  const nameOf = (key: string) => (whole.has(key) ? key : lastOf(key));
  return { nameOf, repeated, joined: several.filter(isOne) };
}

function joinedNote(joined: readonly string[][]): string[] {
  if (joined.length === 0) return [];
  const names = shownList(joined.map((same) => lastOf(same[0]!)));
  return [`${counted(joined.length, "class", "classes")} with another folder in another split: ${names}`];
}

function repeatedNote(repeated: readonly string[][], classLevel: number | undefined): string[] {
  if (repeated.length === 0) return [];
  const shown = shownList(repeated[0]!);
  const advice = classLevel === undefined ? "; a class level (from 1) takes a folder above as the class" : "";
  return [
    `${counted(repeated.length, "folder name")} below several folders: each place is a class of its own, such as ${shown}${advice}`,
  ];
}

/** Returns a note about classes that hold images and other classes. */
function mixedNote(keys: readonly string[]): string[] {
  const sorted = [...keys].sort();
  const above = sorted.filter((key, i) => sorted[i + 1]?.startsWith(`${key}/`));
  if (above.length === 0) return [];
  return [`images lie in ${shownList(above)} and also in class folders below: each folder is a class`];
}
