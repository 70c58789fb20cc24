// Get_Data: turns raw folders into one CSV per data set.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeCsv } from "../common/csv/csv";
import { UserError } from "../common/errors";
import { asOwner } from "../common/files/claim";
import { UnreachableFile } from "../common/files/file_faults";
import { removeAbandoned, writeTogether } from "../common/files/files";
import type { LeftOut } from "../common/files/image_folder";
import { sameName } from "../common/files/unicode_names";
import { withSignal } from "../common/interrupt";
import type { ProgressOptions, TaskOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { shellQuoted } from "../common/shell";
import type { ZipEncoding } from "./archives/zip_names";
import { allDataSets, findDataSet } from "./catalogue";
import { cropLarge } from "./crop_large";
import type { DataSet } from "./data_set";
import { GET_DATA, throwFaults, tryEach } from "./over_data_sets";
import { inspectRaw, rawFolder, unpackRaw, wrapperIn } from "./raw_folder";
import { linkOwn } from "./raw_link";
import type { LabelledImage, SkippedCounts } from "./readers/reader";
import { type ImageRow, writeImageRows } from "./rows";

/** Options for reading raw data. */
export interface GetDataOptions extends TaskOptions {
  /** Encoding of ZIP file names without a UTF-8 mark; guessed if omitted. */
  zipEncoding?: ZipEncoding | undefined;
}

/** Result of Get_Data for one data set. */
export interface GetDataResult {
  dataset: string;
  /** Absolute path of `csv/<name>.csv`: image_files,labels. */
  csv: string;
  /** Absolute path of `csv/<name>_classes.csv`: labels,class_name. */
  classesCsv: string;
  /** Number of images. */
  rows: number;
  classes: number;
  /** Number of classes that Data_preprocessing keeps: those with at least `smallestClass` images. */
  largeClasses: number;
  skipped: SkippedCounts;
  /** Files that are neither images nor known to be harmless; `csv/<name>_left_out.csv` lists all. */
  leftOut: readonly LeftOut[];
  /** Guesses made while reading, for a person to check; of own photos, what was recognised. */
  notes: readonly string[];
  /** Absolute path of `csv/<name>_splits.csv`: image_files,split; undefined if the source has no splits. */
  splitsCsv?: string;
}

/**
 * Returns the data sets that have a raw folder, and all of a person's own, in merge order.
 * @example
 * presentDataSets("data/guie").map(({ name }) => name)
 */
export function presentDataSets(dataDir: string): DataSet[] {
  return allDataSets(dataDir).filter((set) => set.own || existsSync(rawFolder(dataDir, set)));
}

/**
 * Runs step 1 of the pipeline for one data set: unpacks the archives waiting in its raw folder, reads the folder and
 * writes `csv/<name>.csv` (image_files,labels; paths relative to the data directory, classes numbered from 0 in order
 * of appearance) and `csv/<name>_classes.csv` (labels,class_name). Listings are sorted, so the same files give the same
 * CSV on every machine.
 *
 * Landmark2021, JD_Products_10K and Shopee have their own CSV; it is rewritten with these two columns, so that all
 * later steps read one format. Large images of food_first are cropped, as in the original.
 * @param dataDir the data directory; a relative path starts at the project's root
 * @param dataset a name or folder of the catalogue, or the name of an own data set (see `getPhotos`)
 * @throws UserError if the raw folder is missing, empty or has another layout, or if another process is reading it for
 * the same data directory
 * @example
 * const { csv, rows } = await getData("data/guie", "Fruit");
 */
export async function getData(
  dataDir: string,
  dataset: string,
  options: GetDataOptions = {},
): Promise<GetDataResult> {
  return readDataSet(projectPath(dataDir), findDataSet(dataset, dataDir), options);
}

/** Runs step 1 for a data set that is at hand. @param dataDir absolute @throws UserError as `getData` */
export async function readDataSet(
  dataDir: string,
  set: DataSet,
  options: GetDataOptions = {},
): Promise<GetDataResult> {
  if (set.own) await linkOwn(dataDir, set, set.own);
  const folder = rawFolder(dataDir, set);
  if (!existsSync(folder)) throw missingRawFolder(set, folder);
  return withSignal(options.signal, () =>
    asOwner(csvOf(dataDir, set), "Get_Data", () => readRaw(dataDir, set, folder, options)),
  );
}

function csvOf(dataDir: string, { name }: DataSet): string {
  return join(dataDir, "csv", `${name}.csv`);
}

async function readRaw(
  dataDir: string,
  set: DataSet,
  folder: string,
  options: GetDataOptions,
): Promise<GetDataResult> {
  const unpacked = set.own ? [] : await unpackRaw(set, folder, options);
  const report = (done: number, total: number, unit: string) =>
    options.onProgress?.({ stage: `Get_Data ${set.name}`, done, total, unit });
  const {
    images,
    skipped,
    leftOut,
    said = [],
  } = await set.read(folder, report).catch((error) => {
    throw wrappedError(set, folder, error);
  });
  const { rows: rawRows, classNames } = numberClasses(images, `raw/${set.folder}`);
  const rows = set.cropAbovePx ? await crop(dataDir, set, set.cropAbovePx, rawRows, options) : rawRows;
  const csv = csvOf(dataDir, set);
  const classesCsv = join(dataDir, "csv", `${set.name}_classes.csv`);
  const leftOutCsv = join(dataDir, "csv", `${set.name}_left_out.csv`);
  const splitsCsv = join(dataDir, "csv", `${set.name}_splits.csv`);
  for (const table of [csv, classesCsv, leftOutCsv, splitsCsv])
    removeAbandoned(table, { ofThisMachine: true });
  await writeLeftOut(leftOutCsv, leftOut);
  const hasSplits = images.some(({ split = "" }) => split !== "");
  await writeOrRemove(
    splitsCsv,
    ["image_files", "split"],
    hasSplits ? rows.map(({ imageFile }, i) => [imageFile, images[i]!.split ?? ""]) : [],
  );
  await writeTogether([classesCsv, csv], async ([classes, table]) => {
    await writeCsv(classes!, ["labels", "class_name"], classNames.entries());
    await writeImageRows(table!, rows);
  });
  const classes = classNames.length;
  const largeClasses = countLargeClasses(rows, set.smallestClass);
  const counts = { rows: rows.length, classes, largeClasses, skipped };
  const splits = hasSplits ? { splitsCsv } : {};
  return { dataset: set.name, csv, classesCsv, ...counts, leftOut, notes: [...unpacked, ...said], ...splits };
}

function writeLeftOut(path: string, leftOut: readonly LeftOut[]): Promise<void> {
  return writeOrRemove(
    path,
    ["file", "reason"],
    leftOut.map(({ file, reason }) => [file, reason]),
  );
}

/** Writes a table, or removes the one of an earlier reading if there are no rows. */
async function writeOrRemove(
  path: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  if (rows.length === 0) rmSync(path, { force: true });
  else await writeCsv(path, columns, rows);
}

function crop(
  dataDir: string,
  { name, folder }: DataSet,
  largestPx: number,
  rows: readonly ImageRow[],
  { onProgress }: ProgressOptions,
): Promise<ImageRow[]> {
  return cropLarge(dataDir, folder, rows, largestPx, (done, total) =>
    onProgress?.({ stage: `Crop ${name}`, done, total, unit: "images" }),
  );
}

/** Returns the error for a raw folder whose data set lies in an extra folder; returns any other error unchanged. */
function wrappedError(set: DataSet, folder: string, error: unknown): unknown {
  const isLayout = error instanceof UserError && !(error instanceof UnreachableFile) && !set.own;
  const wrapper = isLayout ? wrapperIn(set, folder) : undefined;
  if (wrapper === undefined) return error;
  const inner = join(folder, wrapper);
  return new UserError(
    `${set.title} is expected in ${folder} as ${set.layout}: it lies deeper, in ${inner}.`,
    `Move it up: mv ${shellQuoted(inner)}/* ${shellQuoted(folder)}/`,
    { cause: error },
  );
}

/**
 * Runs `getData` for several data sets; a failure does not stop the others.
 * @throws UserError at the end, with the fault of each data set that failed
 * @example
 * await getDataOfAll("data/guie", ["Fruit", "Shopee"]);
 */
export async function getDataOfAll(
  dataDir: string,
  datasets: readonly string[],
  options: GetDataOptions = {},
): Promise<GetDataResult[]> {
  const sets = datasets.map((name) => findDataSet(name, dataDir));
  const { results, faults } = await tryEach(dataDir, GET_DATA, sets, ({ name }) =>
    getData(dataDir, name, options),
  );
  throwFaults(GET_DATA, faults);
  return results;
}

/** Returns an error that says where the raw data belongs and how to get it. */
function missingRawFolder(set: DataSet, folder: string): UserError {
  return new UserError(
    `Expected the raw images of ${set.title} in ${folder}: there is no such folder.`,
    `Get the data set, with the layout ${set.layout}:\n    ${inspectRaw(set, folder).howToGet.join("\n    ")}`,
  );
}

function countLargeClasses(rows: readonly ImageRow[], smallestClass: number): number {
  const sizes = new Map<number, number>();
  for (const { label } of rows) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  return [...sizes.values()].filter((size) => size >= smallestClass).length;
}

/** Numbers the classes from 0 in order of appearance: the images of own photos come sorted by class. */
function numberClasses(
  images: readonly LabelledImage[],
  prefix: string,
): { rows: ImageRow[]; classNames: string[] } {
  const labels = new Map<string, number>();
  const classNames: string[] = [];
  const rows = images.map(({ file, classKey, className }) => {
    const key = sameName(classKey);
    const label = labels.get(key) ?? labels.size;
    if (label === labels.size) {
      labels.set(key, label);
      classNames.push(sameName(className ?? classKey));
    }
    return { imageFile: `${prefix}/${file}`, label };
  });
  return { rows, classNames };
}
