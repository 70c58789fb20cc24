// Features on disk, the only format of vectors that this library writes. A folder holds
//   features.json                    shape, shards, origin; written last: a folder that has it is complete
//   features_00000.safetensors, ...  the tensor `features` [rows, F] of each shard, float16 or float32
//   rows.csv                         image_files[,labels][,fold][,dataset]: the image of each row, shard after shard
//   skipped.csv                      image_files,reason: images that could not be read, if any
//   classes.csv                      labels,class_name: names of the classes, if they have any
//   sources.json                     file system stamps of the images of each shard
//   verdict_<model>.json             from which score on a hit is the same object, if `guie evaluate --threshold` ran
// Shapes: N images, F features per image.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { eachCsvRow, readCsv, wholeNumberCell } from "../common/csv/csv";
import { pathFromSpreadsheet } from "../common/csv/spreadsheet";
import { UserError } from "../common/errors";
import { readJson } from "../common/files/files";
import type { LeftOut } from "../common/files/image_folder";
import { FEATURE_PARTS } from "../common/files/made_parts";
import type { MadeKind } from "../common/files/replace";
import { projectPath } from "../common/project";
import { TextColumn, type Texts } from "../common/texts";
import { setRows, type Vectors, zeroVectors } from "../common/vectors";
import { sumFile } from "../formats/bytes";
import { openSafetensors, type WrittenDtype } from "../formats/safetensors";

/** File names within the folder. */
export const FEATURE_FILES = {
  summary: "features.json",
  rows: "rows.csv",
  skipped: "skipped.csv",
  classes: "classes.csv",
  shard: (number: number) => `features_${String(number).padStart(5, "0")}.safetensors`,
} as const;

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

/** The images of the rows, in order. */
export interface FeatureRows {
  files: Texts;
  /** Classes, if known. */
  labels?: ArrayLike<number>;
  /** Folds, if known. */
  folds?: ArrayLike<number>;
  /** Names of the rows' data sets, if known. */
  dataSets?: Texts;
  /** Name of each class by its label, if the classes have names. */
  classNames?: readonly string[];
}

/** The content of `features.json`. */
export interface FeatureSummary {
  /** N, the number of rows: images that could be read. */
  count: number;
  /** F, the number of features per row. */
  length: number;
  dtype: FeatureDtype;
  shards: { file: string; count: number }[];
  /** Number of images that could not be read. */
  skipped: number;
  madeBy: MadeBy;
  /** SHA-256 of `madeBy`, dtype, rows per shard, and the list of images. */
  identity: string;
  /** SHA-256 of the labels, folds, class names and data sets. */
  rowsIdentity: string;
  /** SHA-256 of the images' content; undefined if it was not recorded. */
  content?: string;
  /** CRC-32 of rows.csv; undefined in folders of earlier versions. */
  rowsCrc32?: number | undefined;
}

const COUNT = z.number().int().nonnegative();
const SUMMARY = z
  .looseObject({
    count: COUNT,
    length: COUNT.positive(),
    dtype: z.enum(["float16", "float32"]),
    shards: z.array(z.object({ file: z.string().regex(/^[\w.-]+$/, "no file's name"), count: COUNT })),
    skipped: COUNT,
    madeBy: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    identity: z.string(),
    rowsIdentity: z.string(),
    rowsCrc32: COUNT.optional(),
  })
  .refine(({ count, shards }) => shards.reduce((sum, shard) => sum + shard.count, 0) === count, {
    message: "its shards do not hold count rows together",
  }) satisfies z.ZodType<FeatureSummary>;

/** A folder of features, open for reading. It holds only the summary in memory. */
export interface Features extends FeatureSummary {
  folder: string;
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
  const summary = readSummary(path);
  if (!summary) {
    const begun = shardsIn(path).length > 0;
    throw new UserError(
      `Expected features in ${path}: ${begun ? "they are not finished" : `there is no ${FEATURE_FILES.summary}`}.`,
      begun ? "Run the same `npx guie embed` again: it continues." : "npx guie embed --help",
    );
  }
  const readShard = (shard: number) => readShardRows(path, summary, shard);
  return {
    ...summary,
    folder: path,
    readShard,
    readAll: () => joinShards(summary, readShard),
    readRows: () => readRows(path, summary),
  };
}

/** Reads the summary of a finished folder; undefined if there is none. */
export function readSummary(folder: string): FeatureSummary | undefined {
  const path = join(folder, FEATURE_FILES.summary);
  return existsSync(path)
    ? readJson(path, SUMMARY, "Delete it, and embed again: finished shards are kept.")
    : undefined;
}

function readShardRows(folder: string, { shards, length }: FeatureSummary, shard: number): Vectors {
  const { file, count } = shards[shard]!;
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
  { count, length, shards }: FeatureSummary,
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

async function readRows(folder: string, { count, rowsCrc32 }: FeatureSummary): Promise<FeatureRows> {
  const path = join(folder, FEATURE_FILES.rows);
  if (rowsCrc32 !== undefined && existsSync(path) && sumFile(path).crc32 !== rowsCrc32)
    throw new UserError(
      `${path} is not what was written with the features (CRC-32): its file names or labels may be wrong.`,
      `${embedAgain(folder)} If you changed it yourself, remove "rowsCrc32" from ${FEATURE_FILES.summary}.`,
    );
  const files = new TextColumn(count);
  const columns = { labels: new Float64Array(count), fold: new Float64Array(count) }; // class numbers may have ten digits
  const dataSets = new TextColumn(count);
  let dataSet: string | undefined;
  const present = new Set<string>();
  const found = await eachCsvRow(path, ["image_files"], (row, index) => {
    if (index >= count) return;
    files.push(pathFromSpreadsheet(row.image_files!));
    if (row.dataset !== undefined) dataSets.push(row.dataset === dataSet ? null : row.dataset);
    dataSet = row.dataset;
    for (const [name, values] of Object.entries(columns)) {
      if (row[name] === undefined) continue;
      present.add(name);
      values[index] = wholeNumberCell(row[name], `${path}, row ${index + 1}: "${name}"`, embedAgain(folder));
    }
  });
  if (found !== count) {
    throw new UserError(
      `${path} names ${found} rows, but there are features of ${count}.`,
      embedAgain(folder),
    );
  }
  return {
    files,
    ...(present.has("labels") ? { labels: columns.labels } : {}),
    ...(present.has("fold") ? { folds: columns.fold } : {}),
    ...(dataSets.length > 0 ? { dataSets } : {}),
  };
}

function embedAgain(folder: string): string {
  return `Delete ${join(folder, FEATURE_FILES.summary)} and embed again: finished shards are kept.`;
}
