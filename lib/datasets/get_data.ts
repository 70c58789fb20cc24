import { existsSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { writeCsv } from "../common/csv";
import { UserError } from "../common/errors";
import { removeAbandoned } from "../common/files";
import { asOwner } from "../common/owner";
import type { OnProgress } from "../common/progress";
import { projectPath } from "../common/project";
import { DATA_SETS, type DataSet, findDataSet } from "./catalogue";
import { cropLarge } from "./crop_large";
import { shellQuoted } from "./download";
import { inspectRaw, rawFolder, unpackRaw, wrapperIn } from "./raw_folder";
import type { LabelledImage, SkippedCounts } from "./readers/reader";
import { type ImageRow, writeImageRows } from "./rows";

/** What Get_Data wrote for one data set. */
export interface GetDataResult {
  dataset: string;
  /** Absolute path of `csv/<name>.csv`: image_files,labels. */
  csv: string;
  /** Absolute path of `csv/<name>_classes.csv`: labels,class_name. */
  classesCsv: string;
  /** Images. */
  rows: number;
  classes: number;
  /** Classes with at least the data set's smallest number of images: what Data_preprocessing keeps. */
  largeClasses: number;
  skipped: SkippedCounts;
}

/** The data sets whose raw folder is there, in merge order. */
export function presentDataSets(dataDir: string): DataSet[] {
  return DATA_SETS.filter((set) => existsSync(rawFolder(dataDir, set)));
}

/**
 * Step 1 of the pipeline for one data set: unpacks archives that wait in its raw folder, reads the folder and writes `csv/<name>.csv` (image_files,labels; paths
 * relative to the data directory, classes numbered from 0 as they appear) and `csv/<name>_classes.csv`
 * (labels,class_name). Listings are sorted, so that the same files give the same CSV on every machine.
 *
 * Landmark2021, JD_Products_10K and Shopee ship a CSV of their own; it is read, and written again with these two
 * columns, so that every later step meets one format. Large images of food_first are cropped, as the original does.
 * @param dataDir the data directory; a relative path is one below the project's root
 * @param dataset a name or folder of the catalogue
 * @throws UserError when the raw folder is missing, empty or laid out in another way, or another process reads it for the
 * same data directory
 */
export async function getData(
  dataDir: string,
  dataset: string,
  options: { onProgress?: OnProgress } = {},
): Promise<GetDataResult> {
  const set = findDataSet(dataset);
  const folder = rawFolder(dataDir, set);
  if (!existsSync(folder)) throw missingRawFolder(set, folder);
  return asOwner(csvOf(dataDir, set), "Get_Data", () => readRaw(dataDir, set, folder, options));
}

function csvOf(dataDir: string, { name }: DataSet): string {
  return projectPath(dataDir, "csv", `${name}.csv`);
}

async function readRaw(
  dataDir: string,
  set: DataSet,
  folder: string,
  options: { onProgress?: OnProgress },
): Promise<GetDataResult> {
  await unpackRaw(set, folder, options.onProgress);
  const report = (done: number, total: number, unit: string) =>
    options.onProgress?.({ stage: `Get_Data ${set.name}`, done, total, unit });
  const { images, skipped } = await set.read(folder, report).catch((error) => {
    throw wrappedError(set, folder, error);
  });
  const { rows: rawRows, classNames } = numberClasses(images, `raw/${set.folder}`);
  const rows = set.cropAbovePx
    ? await crop(dataDir, set, set.cropAbovePx, rawRows, options.onProgress)
    : rawRows;
  const csv = csvOf(dataDir, set);
  const classesCsv = projectPath(dataDir, "csv", `${set.name}_classes.csv`);
  for (const table of [csv, classesCsv]) removeAbandoned(table, { ofThisMachine: true });
  await writeCsv(classesCsv, ["labels", "class_name"], classNames.entries());
  await writeImageRows(csv, rows);
  const classes = classNames.length;
  const largeClasses = countLargeClasses(rows, set.smallestClass);
  return { dataset: set.name, csv, classesCsv, rows: rows.length, classes, largeClasses, skipped };
}

function crop(
  dataDir: string,
  { name, folder }: DataSet,
  largestPx: number,
  rows: readonly ImageRow[],
  onProgress?: OnProgress,
): Promise<ImageRow[]> {
  return cropLarge(dataDir, folder, rows, largestPx, (done, total) =>
    onProgress?.({ stage: `Crop ${name}`, done, total, unit: "images" }),
  );
}

/**
 * Makes raw data that lies elsewhere part of a data directory: a link from `raw/<folder>` to it.
 * @throws UserError when something else is there already
 */
export function linkRaw(dataDir: string, set: DataSet, raw: string): void {
  const folder = rawFolder(dataDir, set);
  const wanted = resolve(raw);
  if (existsSync(folder)) {
    if (realpathSync(folder) === realpathSync(wanted)) return;
    throw new UserError(
      `${folder} is there already and is not ${wanted}.`,
      "Leave --raw out to read what is there, or move that folder away.",
    );
  }
  mkdirSync(dirname(folder), { recursive: true });
  symlinkSync(wanted, folder);
}

/** What is said of a folder with a folder more around the data set; any other error as it is. */
function wrappedError(set: DataSet, folder: string, error: unknown): unknown {
  const wrapper = error instanceof UserError ? wrapperIn(set, folder) : undefined;
  if (wrapper === undefined) return error;
  const inner = join(folder, wrapper);
  return new UserError(
    `${set.title} is expected in ${folder} as ${set.layout}: it lies deeper, in ${inner}.`,
    `Move it up: mv ${shellQuoted(inner)}/* ${shellQuoted(folder)}/`,
    { cause: error },
  );
}

/** Says where the raw data of a data set belongs and how to get it. */
function missingRawFolder(set: DataSet, folder: string): UserError {
  return new UserError(
    `Expected the raw images of ${set.title} in ${folder}: there is no such folder.`,
    `Get the data set, so that it stands there as ${set.layout}:\n    ${inspectRaw(set, folder).howToGet.join("\n    ")}`,
  );
}

function countLargeClasses(rows: readonly ImageRow[], smallestClass: number): number {
  const sizes = new Map<number, number>();
  for (const { label } of rows) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  return [...sizes.values()].filter((size) => size >= smallestClass).length;
}

/** Numbers the classes from 0 in the order in which they appear. */
function numberClasses(
  images: readonly LabelledImage[],
  prefix: string,
): { rows: ImageRow[]; classNames: string[] } {
  const labels = new Map<string, number>();
  const classNames: string[] = [];
  const rows = images.map(({ file, classKey, className }) => {
    const label = labels.get(classKey) ?? labels.size;
    if (label === labels.size) {
      labels.set(classKey, label);
      classNames.push(className ?? classKey);
    }
    return { imageFile: `${prefix}/${file}`, label };
  });
  return { rows, classNames };
}
