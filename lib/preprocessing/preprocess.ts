// Data_preprocessing: drops small classes, brings every kept image under the resize rule, writes JPEGs and a table.
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, posix } from "node:path";
import { writeCsv } from "../common/csv/csv";
import { UserError } from "../common/errors";
import { asOwner } from "../common/files/claim";
import { removeAbandoned, writeTogether } from "../common/files/files";
import { SourceRecord } from "../common/files/source_record";
import { findFile, hasForms, sameName } from "../common/files/unicode_names";
import { withSignal } from "../common/interrupt";
import type { TaskOptions } from "../common/progress";
import { projectPath } from "../common/project";
import type { DataSet } from "../datasets/catalogue";
import { PREPROCESS, throwFaults, tryEach } from "../datasets/over_data_sets";
import { type ImageRow, readImageRows, writeImageRows } from "../datasets/rows";
import type { JpegSettings } from "../images/jpeg/convert";
import { assertPixelRule, type PixelRule } from "../images/readers/options";
import { makeImages } from "./encode_images";
import { claimImagesFolder, keepOnly } from "./images_folder";
import {
  type DatasetName,
  preprocessedClasses,
  preprocessedCsv,
  preprocessedFolder,
  preprocessedImage,
  rejectsCsv,
  sourceClasses,
  sourceCsv,
} from "./layout";

const JPEG_QUALITY = 95;

/** What to preprocess, and how. */
export interface PreprocessOptions extends TaskOptions {
  /** Absolute, or below the project's folder. */
  dataDir: string;
  /** A row of the catalogue: classes with fewer than `smallestClass` images are dropped. */
  dataset: DatasetName & { smallestClass: number };
  /** Longest side of a kept image; 224 unless told. */
  imageSizePx?: number;
  /** Threads, an image each at a time; one more than the CPU has unless told, so that none waits for a disk. */
  concurrency?: number;
  /** "reduced" is faster on large JPEGs and less exact; "full", OpenCV's pixels, unless told. */
  decoding?: JpegSettings["decoding"];
  /** "opencv": the original's pixels also of transparent and CMYK images; "shown", as a person sees them, unless told. */
  pixels?: PixelRule;
}

/** Rows and classes before and after. */
export interface PreprocessResult {
  dataset: string;
  rowsIn: number;
  classesIn: number;
  rowsOut: number;
  classesOut: number;
  /** Images that could not be read; each stands in `<folder>_rejects.csv` with its reason. */
  rejected: number;
  /** Readable images of classes that fell below the smallest size because of rejected ones. */
  droppedAfterRejects: number;
}

/**
 * Preprocesses one data set: `csv/<name>.csv` -> `final_data_224/<folder>/images/*.jpg`,
 * `<folder>_final_224.csv` (image_files,labels; labels as they were) and `<folder>_rejects.csv`
 * (image_files,labels,reason). Classes are counted again after unreadable images are left out.
 *
 * It can be stopped at any moment and run again: a JPEG that stands under its final name is whole and is not made
 * again unless its source is another by now (`<folder>/sources.jsonl` tells). Images that could not be read are tried
 * again. The images folder belongs to this step: JPEGs that no row names are removed.
 * @throws UserError for a missing or bad table, for images made with other settings, when no class is left, and when
 * another process preprocesses the same data set; UnreachableFile, with no table written, where the world keeps images
 * from being read
 * @example
 * await preprocessDataset({ dataDir: "data/guie", dataset: findDataSet("Fruit") });
 */
export async function preprocessDataset(options: PreprocessOptions): Promise<PreprocessResult> {
  const dataDir = projectPath(options.dataDir);
  const folder = join(dataDir, preprocessedFolder(options.dataset));
  return withSignal(options.signal, () =>
    asOwner(folder, "Data_preprocessing", () => preprocessOwned({ ...options, dataDir })),
  );
}

async function preprocessOwned(options: PreprocessOptions): Promise<PreprocessResult> {
  const { dataDir, dataset, imageSizePx = 224, decoding = "full", pixels = "shown" } = options;
  const { concurrency = availableParallelism() + 1, onProgress } = options;
  assertPixelRule(pixels);
  const rows = await readImageRows(join(dataDir, sourceCsv(dataset)), "npx guie get-data");
  checkSources(rows, dataset);
  const wanted = keepLargeClasses(rows, dataset.smallestClass);
  if (wanted.length === 0) throw noClassLeft(dataset, `all ${countClasses(rows)} classes are smaller`);

  const folder = join(dataDir, preprocessedFolder(dataset));
  // the stamp of folders that were made before there was a choice says nothing of it
  const rule = pixels === "shown" ? {} : { pixels };
  const settings = { imageSizePx, jpegQuality: JPEG_QUALITY, decoding, ...rule };
  claimImagesFolder(folder, settings);
  for (const table of [rejectsCsv(dataset), preprocessedCsv(dataset)])
    removeAbandoned(join(dataDir, table), { ofThisMachine: true });
  const taskOf = (index: number) => {
    const { imageFile } = wanted[index]!;
    const target = join(dataDir, preprocessedImage(imageFile, dataset));
    return { image: imageFile, source: onDisk(dataDir, imageFile), target };
  };
  const record = await SourceRecord.open(join(folder, "sources.jsonl"));
  const making = { ...settings, concurrency, record, stage: dataset.name, onProgress };
  const reasons = await makeImages(wanted.length, taskOf, making);
  await writeRejects(join(dataDir, rejectsCsv(dataset)), wanted, reasons);

  await record.keepOnly(wanted.map(({ imageFile }) => imageFile));

  const readable = wanted.filter((_, index) => !reasons.has(index));
  const kept = keepLargeClasses(readable, dataset.smallestClass);
  if (kept.length === 0) throw noClassLeft(dataset, `${reasons.size} files are in ${rejectsCsv(dataset)}`);
  const made = kept.map(({ imageFile, label }) => ({
    imageFile: preprocessedImage(imageFile, dataset),
    label,
  }));
  await writeTable(dataDir, dataset, made);
  keepOnly(
    folder,
    made.map(({ imageFile }) => posix.basename(imageFile)),
  );
  return {
    dataset: dataset.name,
    rowsIn: rows.length,
    classesIn: countClasses(rows),
    rowsOut: kept.length,
    classesOut: countClasses(kept),
    rejected: reasons.size,
    droppedAfterRejects: readable.length - kept.length,
  };
}

/**
 * Writes the table, and beside it the names of its classes: Get_Data numbers the classes anew when a folder is added,
 * and this table keeps its numbers.
 */
async function writeTable(dataDir: string, dataset: DatasetName, rows: readonly ImageRow[]): Promise<void> {
  const source = join(dataDir, sourceClasses(dataset));
  const [table, classes] = [preprocessedCsv(dataset), preprocessedClasses(dataset)].map((file) =>
    join(dataDir, file),
  ) as [string, string];
  if (!existsSync(source)) rmSync(classes, { force: true });
  const files = existsSync(source) ? [table, classes] : [table];
  await writeTogether(files, async ([temporary, temporaryClasses]) => {
    await writeImageRows(temporary!, rows);
    if (temporaryClasses) copyFileSync(source, temporaryClasses);
  });
}

/** Number of different labels. */
function countClasses(rows: readonly ImageRow[]): number {
  return new Set(rows.map((row) => row.label)).size;
}

/** @throws UserError for a path outside of the data directory, and one that stands twice */
function checkSources(rows: readonly ImageRow[], dataset: DatasetName): void {
  const rowOfSource = new Map<string, number>();
  for (const [index, { imageFile }] of rows.entries()) {
    const source = sameName(posix.normalize(imageFile));
    const where = `${sourceCsv(dataset)}, row ${index + 1}`;
    if (posix.isAbsolute(source) || source === ".." || source.startsWith("../")) {
      throw new UserError(
        `${where}: "${imageFile}" is outside the data directory.`,
        "Paths are relative to the data directory: move the images below it and write the table again.",
      );
    }
    const earlier = rowOfSource.get(source);
    if (earlier !== undefined) {
      const next = "Keep one of the two rows: an image has one class.";
      throw new UserError(`${where}: "${imageFile}" stands already in row ${earlier + 1}.`, next);
    }
    rowOfSource.set(source, index);
  }
}

/**
 * The same for several data sets: all are tried, whatever happens to one.
 * @throws UserError in the end with the fault of every one that has one
 * @example
 * await preprocessDataSets(preparedDataSets("data/demo"), { dataDir: "data/demo" });
 */
export async function preprocessDataSets(
  datasets: readonly DataSet[],
  options: Omit<PreprocessOptions, "dataset">,
): Promise<PreprocessResult[]> {
  const { results, faults } = await tryEach(options.dataDir, PREPROCESS, datasets, (dataset) =>
    preprocessDataset({ ...options, dataset }),
  );
  throwFaults(PREPROCESS, faults);
  return results;
}

/** A path as the disk has it: a table may have another form of Unicode. One that is not there stays as it is. */
function onDisk(dataDir: string, imageFile: string): string {
  return join(dataDir, hasForms(imageFile) ? (findFile(dataDir, imageFile) ?? imageFile) : imageFile);
}

/** The rows of classes with at least `smallestClass` rows, in their order. */
function keepLargeClasses<Row extends ImageRow>(rows: readonly Row[], smallestClass: number): Row[] {
  const sizes = new Map<number, number>();
  for (const { label } of rows) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  return rows.filter(({ label }) => sizes.get(label)! >= smallestClass);
}

function noClassLeft({ name, smallestClass }: PreprocessOptions["dataset"], why: string): UserError {
  return new UserError(
    `${name}: no class with at least ${smallestClass} images is left: ${why}.`,
    "Look at its table and its raw images, or lower `smallestClass`.",
  );
}

async function writeRejects(
  path: string,
  rows: readonly ImageRow[],
  reasons: ReadonlyMap<number, string>,
): Promise<void> {
  const inOrder = [...reasons].sort(([a], [b]) => a - b);
  const cells = inOrder.map(([index, reason]) => {
    const { imageFile, label } = rows[index]!;
    return [posix.normalize(imageFile), label, reason] as const;
  });
  await writeCsv(path, ["image_files", "labels", "reason"], cells);
}
