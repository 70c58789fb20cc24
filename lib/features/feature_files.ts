// Features on disk: the one format of vectors that this library writes. A folder holds
//   features.json                    shape, shards, what made them; written last: a folder that has it is whole
//   features_00000.safetensors, ...  the tensor `features` [rows, F] of each shard, float16 or float32
//   rows.csv                         image_files[,labels][,fold]: the image of each row, shard after shard
//   skipped.csv                      image_files,reason: images that could not be read, where there are any
//   sources.json                     how the file system showed the images of each shard
// Shapes: N images, F features of each.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { eachCsvRow, wholeNumberCell } from "../common/csv/csv";
import { pathFromSpreadsheet } from "../common/csv/spreadsheet";
import { UserError } from "../common/errors";
import { readJson } from "../common/files/files";
import { FEATURE_PARTS } from "../common/files/made_parts";
import type { MadeKind } from "../common/files/replace";
import { projectPath } from "../common/project";
import { TextColumn, type Texts } from "../common/texts";
import { setRows, type Vectors, zeroVectors } from "../common/vectors";
import { openSafetensors, type WrittenDtype } from "../formats/safetensors";

/** Names within the folder. */
export const FEATURE_FILES = {
  summary: "features.json",
  rows: "rows.csv",
  skipped: "skipped.csv",
  shard: (number: number) => `features_${String(number).padStart(5, "0")}.safetensors`,
} as const;

/** How such a folder is known again, finished or not. */
export const FEATURE_FOLDER: MadeKind = {
  what: "a folder of features",
  isFolder: true,
  parts: FEATURE_PARTS,
  isMade: (path) => existsSync(join(path, FEATURE_FILES.summary)) || shardsIn(path).length > 0,
};

/** The shards that stand in a folder, finished or not. */
export function shardsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^features_\d+\.safetensors$/.test(name))
    .sort();
}

/** The tensor of a shard. */
export const SHARD_TENSOR = "features";

/** What the numbers are kept as. */
export type FeatureDtype = "float16" | "float32";

/** The same in safetensors' words. */
export const STORED_AS: Record<FeatureDtype, WrittenDtype> = { float16: "F16", float32: "F32" };

/** What features depend on besides the images: tower, weights, image size, ... */
export type MadeBy = Readonly<Record<string, string | number | boolean>>;

/** The images of the rows, in their order. */
export interface FeatureRows {
  files: Texts;
  /** Classes, where they are known. */
  labels?: ArrayLike<number>;
  /** Folds, where they are known. */
  folds?: ArrayLike<number>;
}

/** `features.json`. */
export interface FeatureSummary {
  /** Rows N: images that could be read. */
  count: number;
  /** Features F of each. */
  length: number;
  dtype: FeatureDtype;
  shards: { file: string; count: number }[];
  /** Images that could not be read. */
  skipped: number;
  madeBy: MadeBy;
  /** SHA-256 of `madeBy`, dtype, rows a shard, and the list of images. */
  identity: string;
  /** SHA-256 of the labels and folds. */
  rowsIdentity: string;
  /** SHA-256 of what they were made from: the images' content; undefined where that was not noted. */
  content?: string;
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
  })
  .refine(({ count, shards }) => shards.reduce((sum, shard) => sum + shard.count, 0) === count, {
    message: "its shards do not hold count rows together",
  }) satisfies z.ZodType<FeatureSummary>;

/** A folder of features, open for reading. Nothing is held but its summary. */
export interface Features extends FeatureSummary {
  folder: string;
  /** A shard's rows as float32. For millions of rows: one after the other. */
  readShard(shard: number): Vectors;
  /** All rows as float32, [N, F]. */
  readAll(): Vectors;
  readRows(): Promise<FeatureRows>;
}

/**
 * Opens a folder of features.
 * @throws UserError where there is none, or it is not finished
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
      begun ? "Run the same `npx guie embed` again: it goes on." : "npx guie embed --help",
    );
  }
  const readShard = (shard: number) => readShardRows(path, summary, shard);
  return {
    ...summary,
    folder: path,
    readShard,
    readAll: () => joinShards(summary, readShard),
    readRows: () => readRows(path, summary.count),
  };
}

/** The summary of a finished folder; undefined where there is none. */
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
  const all = zeroVectors(count, length); // one shard at a time beside it, where joinRows wants all of them
  let row = 0;
  for (let shard = 0; shard < shards.length; shard++) {
    const part = readShard(shard);
    setRows(all, row, part.data);
    row += part.count;
  }
  return all;
}

async function readRows(folder: string, count: number): Promise<FeatureRows> {
  const path = join(folder, FEATURE_FILES.rows);
  const files = new TextColumn(count);
  const columns = { labels: new Float64Array(count), fold: new Float64Array(count) }; // names may have ten digits
  const present = new Set<string>();
  const found = await eachCsvRow(path, ["image_files"], (row, index) => {
    if (index >= count) return;
    files.push(pathFromSpreadsheet(row.image_files!));
    for (const [name, values] of Object.entries(columns)) {
      if (row[name] === undefined) continue;
      present.add(name);
      values[index] = wholeNumberCell(row[name], `${path}, row ${index + 1}: "${name}"`, embedAgain(folder));
    }
  });
  if (found !== count) {
    throw new UserError(`${path} names ${found} rows, the features are ${count}.`, embedAgain(folder));
  }
  return {
    files,
    ...(present.has("labels") ? { labels: columns.labels } : {}),
    ...(present.has("fold") ? { folds: columns.fold } : {}),
  };
}

function embedAgain(folder: string): string {
  return `Delete ${join(folder, FEATURE_FILES.summary)} and embed again: finished shards are kept.`;
}
