// Features on disk, the only format of vectors that this library writes. A folder holds
//   features.json                    shape, shards, origin; written last: a folder that has it is complete
//   features_00000.safetensors, ...  the tensor `features` [rows, F] of each shard, float16 or float32
//   rows.csv                         image_files[,labels][,fold][,...]: the image of each row, shard after shard
//   skipped.csv                      image_files,reason: images that could not be read, if any
//   classes.csv                      labels,class_name: names of the classes, if they have any
//   sources.json                     file system stamps of the images of each shard
//   verdict_<model>.json             from which score on a hit is the same object, if `guie evaluate --threshold` ran
// A folder that was changed as an index (lib/index_folder) has further tables, and a list of rows that were removed;
// features.json names them, and replacing it is what makes a change visible. No other file is ever written again under
// its name.
// Shapes: N images, F features per image.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readCsv } from "../common/csv/csv";
import { pathFromSpreadsheet } from "../common/csv/spreadsheet";
import { UserError } from "../common/errors";
import { readJson } from "../common/files/files";
import type { LeftOut } from "../common/files/image_folder";
import { FEATURE_PARTS } from "../common/files/made_parts";
import type { MadeKind } from "../common/files/replace";
import { projectPath } from "../common/project";
import { pickRows, setRows, type Vectors, zeroVectors } from "../common/vectors";
import { sumFile } from "../formats/bytes";
import { openSafetensors, type WrittenDtype } from "../formats/safetensors";
import { type CheckedFile, type FeatureShard, readRemoved, shardsWithout } from "./removed_rows";
import { type FeatureRows, readRowsCsv } from "./rows_csv";

/** File names within the folder. */
export const FEATURE_FILES = {
  summary: "features.json",
  rows: "rows.csv",
  skipped: "skipped.csv",
  classes: "classes.csv",
  shard: (number: number) => `features_${fiveDigits(number)}.safetensors`,
  /** A table of a later change, with the number of that change. */
  table: (number: number) => `rows_${fiveDigits(number)}.csv`,
  /** The rows that were removed, with the number of the last change of them. */
  removed: (number: number) => `removed_${fiveDigits(number)}.csv`,
} as const;

function fiveDigits(number: number): string {
  return String(number).padStart(5, "0");
}

/** The marks by which such a folder is recognised, finished or not. */
export const FEATURE_FOLDER: MadeKind = {
  what: "a folder of features",
  isFolder: true,
  parts: FEATURE_PARTS,
  isMade: (path) => existsSync(join(path, FEATURE_FILES.summary)) || shardsIn(path).length > 0,
};

/** Lists the shards in a folder, finished or not. */
export function shardsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^features_\d+\.safetensors$/.test(name))
    .sort();
}

/** Name of a shard's tensor. */
export const SHARD_TENSOR = "features";

/** Number format of stored features. */
export type FeatureDtype = "float16" | "float32";

/** Names of these formats in safetensors. */
export const STORED_AS: Record<FeatureDtype, WrittenDtype> = { float16: "F16", float32: "F32" };

/** The properties that features depend on besides the images: tower, weights, image size, ... */
export type MadeBy = Readonly<Record<string, string | number | boolean>>;

/** The content of `features.json`. */
export interface FeatureSummary {
  /** N, the number of rows: images that could be read, without those that were removed. */
  count: number;
  /** F, the number of features per row. */
  length: number;
  dtype: FeatureDtype;
  /** The shards with all their rows, removed or not. */
  shards: { file: string; count: number }[];
  /** Number of images that could not be read. */
  skipped: number;
  madeBy: MadeBy;
  /** SHA-256 of `madeBy`, dtype, rows per shard, and the list of images. */
  identity: string;
  /** SHA-256 of the labels, folds, class names and further columns. */
  rowsIdentity: string;
  /** SHA-256 of the images' content; undefined if it was not recorded. */
  content?: string;
  /** CRC-32 of rows.csv; undefined in folders of earlier versions, and with `tables`. */
  rowsCrc32?: number | undefined;
  /** The tables that name all rows, one after the other; if omitted, rows.csv does. */
  tables?: CheckedFile[] | undefined;
  /** The table with the numbers of the removed rows, ascending, counted over all shards; if omitted, there are none. */
  removed?: CheckedFile | undefined;
  /** The number of the next file: no number is ever used twice. If omitted: one above the last shard's. */
  next?: number | undefined;
  /** The class of rows whose table has no column of classes, next to others that have. */
  noClass?: number | undefined;
}

const COUNT = z.number().int().nonnegative();
const FILE = z.string().regex(/^[\w.-]+$/, "no file's name");
const CHECKED = z.object({ file: FILE, count: COUNT, crc32: COUNT });
const sumOf = (files: readonly { count: number }[]) => files.reduce((sum, { count }) => sum + count, 0);
const SUMMARY = z
  .looseObject({
    count: COUNT,
    length: COUNT.positive(),
    dtype: z.enum(["float16", "float32"]),
    shards: z.array(z.object({ file: FILE, count: COUNT })),
    skipped: COUNT,
    madeBy: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    identity: z.string(),
    rowsIdentity: z.string(),
    rowsCrc32: COUNT.optional(),
    tables: z.array(CHECKED).optional(),
    removed: CHECKED.optional(),
    next: COUNT.optional(),
    noClass: COUNT.optional(),
  })
  .refine(({ count, shards, removed }) => sumOf(shards) - (removed?.count ?? 0) === count, {
    message: "its shards do not hold count rows together",
  })
  .refine(({ shards, tables }) => tables === undefined || sumOf(tables) === sumOf(shards), {
    message: "its tables do not name the rows of its shards",
  }) satisfies z.ZodType<FeatureSummary>;

/** A folder of features, open for reading. It holds only the summary in memory. */
export interface Features extends Omit<FeatureSummary, "shards"> {
  folder: string;
  shards: FeatureShard[];
  /** Reads a shard's rows as float32; for millions of rows, one shard after the other. */
  readShard(shard: number): Vectors;
  /** Reads all rows as float32, [N, F]. */
  readAll(): Vectors;
  readRows(): Promise<FeatureRows>;
}

/**
 * Opens a folder of features.
 * @throws UserError if there is none, or it is not finished
 * @example
 * const vectors = openFeatures("features/photos").readAll();
 */
export function openFeatures(folder: string): Features {
  const path = projectPath(folder);
  for (;;) {
    const summary = readSummary(path);
    if (!summary) throw noFeatures(path);
    try {
      return opened(path, summary, readRemoved(path, summary.removed));
    } catch (error) {
      if (readSummary(path)?.identity === summary.identity) throw error; // else the folder has just changed
    }
  }
}

function noFeatures(path: string): UserError {
  const begun = shardsIn(path).length > 0;
  return new UserError(
    `Expected features in ${path}: ${begun ? "they are not finished" : `there is no ${FEATURE_FILES.summary}`}.`,
    begun ? "Run the same `npx guie embed` again: it continues." : "npx guie embed --help",
  );
}

function opened(folder: string, summary: FeatureSummary, removed: Int32Array): Features {
  const { count, length } = summary;
  const shards = shardsWithout(summary.shards, removed);
  const sizes = new Map(summary.shards.map(({ file, count }) => [file, count]));
  const readShard = (shard: number) => {
    const { file, kept } = shards[shard]!;
    const rows = readShardRows(folder, { file, count: sizes.get(file)!, length });
    return kept ? pickRows(rows, kept) : rows;
  };
  return {
    ...summary,
    folder,
    shards,
    readShard,
    readAll: () => joinShards({ count, length, shards }, readShard),
    readRows: () => readRows(folder, summary, removed),
  };
}

/**
 * Does work that reads a folder of features. If a change of the folder removes a file that the work still needs, the
 * work begins again with the folder as it is then: it sees one state or the other, never a mixture.
 * @throws UserError as `openFeatures`
 */
export async function withFeatures<T>(
  folder: string,
  work: (features: Features) => Promise<T> | T,
): Promise<T> {
  for (;;) {
    const features = openFeatures(folder);
    try {
      return await work(features);
    } catch (error) {
      if (readSummary(features.folder)?.identity === features.identity) throw error;
    }
  }
}

/** Reads the summary of a finished folder; undefined if there is none. */
export function readSummary(folder: string): FeatureSummary | undefined {
  const path = join(folder, FEATURE_FILES.summary);
  return existsSync(path)
    ? readJson(path, SUMMARY, "Delete it, and embed again: finished shards are kept.")
    : undefined;
}

function readShardRows(
  folder: string,
  { file, count, length }: { file: string; count: number; length: number },
): Vectors {
  const path = join(folder, file);
  const remake = `Delete ${join(folder, FEATURE_FILES.summary)}, too, and embed again: whole shards are kept.`;
  const tensors = openSafetensors(path, remake);
  try {
    const shape = tensors.tensors.get(SHARD_TENSOR)?.shape ?? [];
    if (shape.join() !== `${count},${length}`) {
      throw new UserError(
        `${path}: expected ${SHARD_TENSOR} [${count}, ${length}], found [${shape}].`,
        remake,
      );
    }
    return { data: tensors.read(SHARD_TENSOR), count, length };
  } finally {
    tensors.close();
  }
}

function joinShards(
  { count, length, shards }: Pick<Features, "count" | "length" | "shards">,
  readShard: (shard: number) => Vectors,
): Vectors {
  if (shards.length === 1) return readShard(0);
  const all = zeroVectors(count, length); // one shard at a time in addition; joinRows would need all of them
  let row = 0;
  for (let shard = 0; shard < shards.length; shard++) {
    const part = readShard(shard);
    setRows(all, row, part.data);
    row += part.count;
  }
  return all;
}

/** Reads the images of a folder of features that could not be read, with the reasons. */
export async function readSkipped(folder: string): Promise<LeftOut[]> {
  const path = join(folder, FEATURE_FILES.skipped);
  if (!existsSync(path)) return [];
  const rows = await readCsv(path, ["image_files", "reason"]);
  return rows.map((row) => ({ file: pathFromSpreadsheet(row.image_files!), reason: row.reason! }));
}

async function readRows(
  folder: string,
  { count, shards, rowsCrc32, tables, noClass }: FeatureSummary,
  removed: Int32Array,
): Promise<FeatureRows> {
  const own = { file: FEATURE_FILES.rows, count: sumOf(shards), crc32: rowsCrc32 };
  for (const { file, crc32 } of tables ?? [own]) {
    const path = join(folder, file);
    if (crc32 !== undefined && existsSync(path) && sumFile(path).crc32 !== crc32)
      throw new UserError(
        `${path} is not what was written with the features (CRC-32): its file names or labels may be wrong.`,
        tables
          ? embedAgain(folder)
          : `${embedAgain(folder)} If you changed it yourself, remove "rowsCrc32" from ${FEATURE_FILES.summary}.`,
      );
  }
  const gone = new Set(removed);
  const named = (tables ?? [own]).map(({ file, count }) => ({ path: join(folder, file), count }));
  return readRowsCsv(named, { isKept: (row) => !gone.has(row), count, noClass, next: embedAgain(folder) });
}

function embedAgain(folder: string): string {
  return `Delete ${join(folder, FEATURE_FILES.summary)} and embed again: finished shards are kept.`;
}
