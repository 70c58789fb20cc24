// The classes and images that a run's weights have learned, so that scores on them can be marked.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../common/files/files";
import type { Texts } from "../common/texts";
import { dataFolder } from "../config/paths";
import { readRunConfig } from "./run_folder";
import { learnedClasses, type RunNote, readNote } from "./run_note";

/** The classes and images that weights have learned, as far as noted. */
export interface Learned {
  /** Names "data set/class name". */
  classes: ReadonlySet<string>;
  /** Images with paths below `dataDir`. */
  images: ImageKeys;
  dataDir: string;
  /** True if some of it was not noted. */
  isPartial: boolean;
  /** True if no class was learned: the images were seen without their labels. */
  usesNoLabels?: boolean;
}

const IMAGES_FILE = "trained_images.bin";
const KEY_BYTES = 8;

/** A set of images, by `imageKey`. */
export interface ImageKeys extends Iterable<bigint> {
  readonly size: number;
  has(key: bigint): boolean;
}

/** Returns the first 8 bytes of the SHA-256 of an image's path as a big-endian number. */
function imageKey(file: string): bigint {
  return createHash("sha256").update(file).digest().readBigUInt64BE();
}

/**
 * Writes the keys of the images that a run trains and validates on: 8 bytes each, sorted.
 * @param before the keys of the run that it starts from
 */
export function writeTrainedImages(
  folder: string,
  lists: readonly Texts[],
  before: Iterable<bigint> = [],
): void {
  const keys = new Set(before);
  for (const files of lists) {
    let last: string | undefined; // copies of an image are adjacent
    for (const file of files) {
      if (file !== last) keys.add(imageKey(file));
      last = file;
    }
  }
  const sorted = BigUint64Array.from(keys).sort();
  const bytes = Buffer.alloc(KEY_BYTES * sorted.length);
  for (const [i, key] of sorted.entries()) bytes.writeBigUInt64BE(key, KEY_BYTES * i);
  writeFileAtomically(join(folder, IMAGES_FILE), bytes);
}

/** Reads what `writeTrainedImages` wrote; no image if there is no such file. */
export function readTrainedImages(folder: string): ImageKeys {
  const path = join(folder, IMAGES_FILE);
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const size = Math.floor(bytes.length / KEY_BYTES);
  const at = (i: number) => bytes.readBigUInt64BE(KEY_BYTES * i);
  const has = (key: bigint) => {
    let [low, high] = [0, size];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at(middle) < key) low = middle + 1;
      else high = middle;
    }
    return low < size && at(low) === key;
  };
  return {
    size,
    has,
    *[Symbol.iterator]() {
      for (let i = 0; i < size; i++) yield at(i);
    },
  };
}

/** Returns the keys of images in memory. */
export function imageKeysOf(files: Texts): ImageKeys {
  const keys = new Set<bigint>();
  for (const file of files) keys.add(imageKey(file));
  return keys;
}

/** Returns what a run has learned, including the runs that it started from; undefined without a note. */
export function learnedBy(folder: string): Learned | undefined {
  const note = readNote(folder);
  if (!note) return undefined;
  return {
    classes: new Set([...(learnedClasses(note) ?? []), ...(note.learnedBefore ?? [])]),
    images: readTrainedImages(folder),
    dataDir: readRunConfig(folder).dataDir,
    isPartial: note.startIsUnknown ?? false,
  };
}

/** Queries and index of classes that should be unknown to a model. */
export interface UnknownClasses {
  queries: { files: readonly string[]; labels: ArrayLike<number> };
  index: { files: readonly string[]; labels: ArrayLike<number> };
  /** Names "group/class name" by label, for classes that have names. */
  classes?: ReadonlyMap<number, string> | undefined;
}

/**
 * Finds the classes of a retrieval set that weights have learned: by name, or because they have learned one of the
 * images. A name is compared with the data set that has the name of the class's group, or with all if there is none.
 * @param dataDir the data directory of the retrieval set: equal paths are the same images only below the same one
 * @returns their labels; undefined if neither names nor images can tell
 */
export function learnedAmong(
  set: UnknownClasses,
  dataDir: string,
  learned: Learned | undefined,
): Set<number> | undefined {
  if (!learned) return undefined;
  const isSameDir = dataFolder({ dataDir }) === dataFolder(learned);
  const hasNames = learned.classes.size > 0 && (set.classes?.size ?? 0) > 0;
  const hasLearned = learned.classes.size > 0 || learned.images.size > 0;
  if (hasLearned && !hasNames && !isSameDir && !learned.usesNoLabels) return undefined;
  const knows = nameTest(learned.classes);
  const found = new Set([...(set.classes ?? [])].filter(([, name]) => knows(name)).map(([label]) => label));
  if (isSameDir) for (const part of [set.queries, set.index]) addByImage(found, part, learned.images);
  const labels = withQueries(set, found);
  return learned.isPartial && labels.size === 0 ? undefined : labels;
}

/** Adds the classes with at least one learned image. */
function addByImage(
  found: Set<number>,
  { files, labels }: UnknownClasses["queries"],
  learned: Learned["images"],
): void {
  for (const [row, file] of files.entries())
    if (!found.has(labels[row]!) && learned.has(imageKey(file))) found.add(labels[row]!);
}

/** Keeps the classes that have queries: only they are scored. */
function withQueries({ queries }: UnknownClasses, labels: ReadonlySet<number>): Set<number> {
  const queried = new Set(Array.from(queries.labels));
  return new Set([...labels].filter((label) => queried.has(label)));
}

function nameTest(classes: ReadonlySet<string>): (key: string) => boolean {
  const groups = new Set<string>();
  const keys = new Set<string>();
  const names = new Set<string>();
  for (const key of classes) {
    const [group, name] = partsOf(key);
    groups.add(group);
    keys.add(`${group}/${name}`);
    if (!isNumber(name)) names.add(name); // a number names a class only within its data set
  }
  return (key) => {
    const [group, name] = partsOf(key);
    return groups.has(group) ? keys.has(`${group}/${name}`) : names.has(name);
  };
}

/** Splits a key into data set and normalised name: "cat-face" of a folder equals "Cat face" of a table. */
function partsOf(key: string): [group: string, name: string] {
  const slash = key.indexOf("/");
  const name = key.slice(slash + 1).toLowerCase();
  return [key.slice(0, slash), name.replaceAll(/[^\p{L}\p{N}]+/gu, " ").trim()];
}

function isNumber(name: string): boolean {
  return /^\d+$/.test(name);
}

/** Tells whether some classes have numbers for names: those cannot be found in other data sets. */
export function hasNumbers(learned: Learned | undefined): boolean {
  return [...(learned?.classes ?? [])].some((key) => isNumber(partsOf(key)[1]));
}

/** Returns the note's part about the start. @param start the folder that a run starts from, if any */
export function learnedBefore(start: string | undefined): Pick<RunNote, "learnedBefore" | "startIsUnknown"> {
  if (start === undefined) return {};
  const note = readNote(start);
  if (!note) return { startIsUnknown: true };
  const classes = new Set([...(learnedClasses(note) ?? []), ...(note.learnedBefore ?? [])]);
  return {
    learnedBefore: classes.size > 0 ? [...classes] : undefined,
    startIsUnknown: note.startIsUnknown,
  };
}
