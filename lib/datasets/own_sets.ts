// A person's own data sets in a data directory: data_sets.json, their names and numbers.
import { existsSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../common/errors";
import { readJson, writeJson } from "../common/files/files";
import { sameName } from "../common/files/unicode_names";
import { projectPath } from "../common/project";
import type { DataSet } from "./data_set";
import type { OwnImages, OwnSource } from "./own/own_images";
import { readOwnImages } from "./own/read_own_images";
import { emptyReading, type Reader, type Reading } from "./readers/reader";

/** A row of data_sets.json. */
export interface OwnSetRow extends Omit<OwnSource, "labels"> {
  /** Position in Data_Merge's order, from 15. */
  number: number;
  name: string;
}

/** The number before the first own data set: that of the last of the 14. */
const NUMBERS_TAKEN = 14;
/** Own classes from this many images on are kept: a photo and another one to find. */
const SMALLEST_CLASS = 2;
const NAME_BYTES = 80;
/** Letters and digits of any script, spaces, and . _ - + inside: the name is part of paths and of commands. */
const NAME = /^[\p{L}\p{N}_]([\p{L}\p{M}\p{N} ._+-]*[\p{L}\p{M}\p{N}_])?$/u;
/** Endings that Get_Data's other tables have: csv/<name>_classes.csv. */
const TAKEN_ENDING = /_(classes|left_out|splits|fault|rejects|final_224)$/i;

const TEXT = z.string().min(1).optional();
const FILE = z.object({
  dataSets: z.array(
    z.object({
      number: z.number().int().gt(NUMBERS_TAKEN),
      name: z.string().refine((name) => faultOfName(name) === undefined, "no name of a data set"),
      source: z.string().min(1),
      imageColumn: TEXT,
      classColumn: TEXT,
      splitColumn: TEXT,
      root: TEXT,
      classLevel: z.number().int().positive().optional(),
      pattern: TEXT,
    }),
  ),
}) satisfies z.ZodType<{ dataSets: OwnSetRow[] }>;

/** Returns the path of a data directory's list of own data sets. */
export function ownSetsFile(dataDir: string): string {
  return projectPath(dataDir, "data_sets.json");
}

/** Reads the rows of data_sets.json; none if there is no such file. @throws UserError for a damaged file */
export function readOwnRows(dataDir: string): OwnSetRow[] {
  const path = ownSetsFile(dataDir);
  return existsSync(path) ? readJson(path, FILE, `Mend it, or move it away: ${path}`).dataSets : [];
}

/** Writes a row into data_sets.json, in place of an earlier row of its name. */
export function writeOwnRow(dataDir: string, row: OwnSetRow): void {
  const others = readOwnRows(dataDir).filter(({ name }) => name !== row.name);
  const dataSets = [...others, row].sort((a, b) => a.number - b.number);
  writeJson(ownSetsFile(dataDir), { dataSets });
}

/** Returns the number of the next own data set. */
export function nextNumber(rows: readonly OwnSetRow[]): number {
  return Math.max(NUMBERS_TAKEN, ...rows.map(({ number }) => number)) + 1;
}

/** Returns a person's own data sets of a data directory, in the order of their numbers. */
export function ownDataSets(dataDir: string): DataSet[] {
  return readOwnRows(dataDir)
    .sort((a, b) => a.number - b.number)
    .map((row) => ownDataSet(row));
}

/**
 * Returns an own data set.
 * @param reading its images, if they have been read already
 */
export function ownDataSet({ number, name, ...own }: OwnSetRow, reading?: Reading): DataSet {
  const read: Reader = async () => reading ?? readingOf(await readOwnImages({ ...own, labels: true }));
  return {
    number,
    name,
    title: name,
    folder: name,
    smallestClass: SMALLEST_CLASS,
    layout: "your own photos",
    parts: [],
    licence: "yours",
    source: own.source,
    download: { how: "own photos", source: own.source },
    read,
    own,
  };
}

/** Turns images into a reading, sorted by class and file: the same classes have the same numbers in every layout. */
export function readingOf({ files, classes = [], splits, leftOut, said }: OwnImages): Reading {
  const order = files.map((_, i) => i).sort((a, b) => compare(classes[a]!, classes[b]!) || a - b);
  const images = order.map((i) => ({
    file: files[i]!,
    classKey: classes[i]!,
    ...(splits ? { split: splits[i]! } : {}),
  }));
  return { ...emptyReading(), images, leftOut: [...leftOut], said };
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Checks the name of an own data set.
 * @param taken names and folders of the 14
 * @throws UserError for a name that is no part of a path, too long, or taken
 */
export function checkOwnName(name: string, taken: readonly string[]): void {
  const lower = sameName(name).toLowerCase();
  const other = taken.find((known) => known.toLowerCase() === lower);
  const fault = other === undefined ? faultOfName(name) : `it is the name of the data set ${other}`;
  if (fault === undefined) return;
  throw new UserError(
    `${JSON.stringify(name)} cannot be the name of your own data set: ${fault}.`,
    `Choose another name, such as ${ownNameOf(`my ${name.replaceAll("/", " ")}`)}.`,
  );
}

function faultOfName(name: string): string | undefined {
  if (!NAME.test(name)) return "it may have letters, digits, spaces and . _ - + inside, no other characters";
  if (Buffer.byteLength(name) > NAME_BYTES) return `it has more than ${NAME_BYTES} bytes`;
  if (sameName(name) !== name) return "its letters are not in the usual form of Unicode (NFC)";
  if (TAKEN_ENDING.test(name)) return "its ending is that of other tables";
  return undefined;
}

/**
 * Returns a name for a data set of photos in this folder or table: the last part of its path, without other characters.
 * @example
 * ownNameOf("~/My photos (2024)/") // "My_photos_2024"
 */
export function ownNameOf(path: string): string {
  const last = sameName(path.replace(/\/+$/, "")).split("/").at(-1)!;
  const words =
    last
      .replace(/\.(csv|tsv|jsonl|ndjson|json|parquet|zip|tar|tar\.gz|tgz)$/i, "")
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  let name = words.join("_") || "photos";
  while (Buffer.byteLength(name) > NAME_BYTES) name = name.slice(0, -1);
  const clean = name.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{M}\p{N}]+$/gu, "");
  return TAKEN_ENDING.test(clean) || clean === "" ? `${clean}_photos` : clean;
}
