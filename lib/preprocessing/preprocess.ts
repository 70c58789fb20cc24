// Data_preprocessing: drops small classes, resizes every kept image by the resize rule, writes JPEGs and a table.
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, posix } from "node:path";
import { writeCsv } from "../common/csv/csv";
import { UserError } from "../common/errors";
import { asOwner } from "../common/files/claim";
import { removeAbandoned, writeTogether } from "../common/files/files";
import { fileContent, NO_CONTENT, seeFile } from "../common/files/fingerprint";
import { SourceRecord } from "../common/files/source_record";
import { findFile, hasForms, sameName } from "../common/files/unicode_names";
import { withSignal } from "../common/interrupt";
import type { TaskOptions } from "../common/progress";
import { projectPath } from "../common/project";
import type { ResizeMode } from "../config/model";
import type { DataSet } from "../datasets/catalogue";
import { PREPROCESS, throwFaults, tryEach } from "../datasets/over_data_sets";
import { type ImageRow, readImageRows, writeImageRows } from "../datasets/rows";
import type { JpegSettings } from "../images/jpeg/convert";
import { assertPixelRule, type PixelRule } from "../images/readers/options";
import { withContent } from "./content_names";
import { encodeImages } from "./encode_images";
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

/** Options of preprocessing one data set. */
export interface PreprocessOptions extends TaskOptions {
  /** Path, absolute or below the project's folder. */
  dataDir: string;
  /** Row of the catalogue; classes with fewer than `smallestClass` images are dropped. */
  dataset: DatasetName & Pick<DataSet, "smallestClass" | "own">;
  /** Longest side of an image that keeps its size. Default: 224. */
  imageSizePx?: number;
  /** How an image becomes a square before it is resized. Default: "squash", the original's. */
  resizeMode?: ResizeMode;
  /** Number of threads, each with one image at a time. Default: one more than the CPU's, to hide waits for a disk. */
  concurrency?: number;
  /** "reduced" is faster on large JPEGs and less exact. Default: "full", OpenCV's pixels. */
  decoding?: JpegSettings["decoding"];
  /** "opencv": the original's pixels also for transparent and CMYK images. Default: "shown", as a person sees them. */
  pixels?: PixelRule;
}

/** Numbers of rows and classes before and after preprocessing. */
export interface PreprocessResult {
  dataset: string;
  rowsIn: number;
  classesIn: number;
  rowsOut: number;
  classesOut: number;
  /** Number of images that could not be read; `<folder>_rejects.csv` lists them with their reasons. */
  rejected: number;
  /** Number of readable images in classes that rejected images brought below the smallest size. */
  droppedAfterRejects: number;
}

/**
 * Preprocesses one data set: `csv/<name>.csv` -> `final_data_224/<folder>/images/*.jpg`,
 * `<folder>_final_224.csv` (image_files,labels; labels unchanged) and `<folder>_rejects.csv`
 * (image_files,labels,reason). Counts classes again without the unreadable images.
 *
 * It can be stopped at any time and run again: a JPEG with its final name is complete and is made again only if its
 * source has changed (recorded in `<folder>/sources.jsonl`). It retries images that could not be read. The images
 * folder belongs to this step: JPEGs that no row names are removed.
 * @throws UserError for a missing or invalid table, for images made with other settings, if no class is left, and if
 * another process preprocesses the same data set; UnreachableFile, with no table written, if images cannot be read
 * through no fault of their own
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
  const { resizeMode = "squash" } = options;
  const { concurrency = availableParallelism() + 1, onProgress } = options;
  assertPixelRule(pixels);
  const rows = await readImageRows(join(dataDir, sourceCsv(dataset)), "npx guie get-data");
  checkSources(rows, dataset);
  const wanted = keepLargeClasses(rows, dataset.smallestClass);
  if (wanted.length === 0) throw noClassLeft(dataset, `all ${countClasses(rows)} classes are smaller`);

  const folder = join(dataDir, preprocessedFolder(dataset));
  // settings.json of folders that were made before these options existed does not have them
  const rule = {
    ...(pixels === "shown" ? {} : { pixels }),
    ...(resizeMode === "squash" ? {} : { resizeMode }),
  };
  const settings = { imageSizePx, jpegQuality: JPEG_QUALITY, decoding, ...rule };
  claimImagesFolder(folder, settings);
  for (const table of [rejectsCsv(dataset), preprocessedCsv(dataset)])
    removeAbandoned(join(dataDir, table), { ofThisMachine: true });
  const record = await SourceRecord.open(join(folder, "sources.jsonl"));
  const contents = dataset.own ? await contentsOf(dataDir, wanted, record) : undefined;
  const madeOf = (imageFile: string) => {
    const image = preprocessedImage(imageFile, dataset);
    return contents ? withContent(image, contents.get(imageFile)!) : image;
  };
  const taskOf = (index: number) => {
    const { imageFile } = wanted[index]!;
    return {
      image: imageFile,
      source: onDisk(dataDir, imageFile),
      target: join(dataDir, madeOf(imageFile)),
    };
  };
  const making = { ...settings, concurrency, record, stage: dataset.name, onProgress };
  const reasons = await encodeImages(wanted.length, taskOf, making);
  await writeRejects(join(dataDir, rejectsCsv(dataset)), wanted, reasons);

  await record.keepOnly(wanted.map(({ imageFile }) => imageFile));

  const readable = wanted.filter((_, index) => !reasons.has(index));
  const kept = keepLargeClasses(readable, dataset.smallestClass);
  if (kept.length === 0) throw noClassLeft(dataset, `${reasons.size} files are in ${rejectsCsv(dataset)}`);
  const made = kept.map(({ imageFile, label }) => ({ imageFile: madeOf(imageFile), label }));
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

/** Returns the hash of each photo by its path: from the record while the file is the same, else from its bytes. */
async function contentsOf(
  dataDir: string,
  rows: readonly ImageRow[],
  record: SourceRecord,
): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  for (const { imageFile } of rows) {
    const source = onDisk(dataDir, imageFile);
    const [seen, entry] = [await seeFile(source), record.get(imageFile)];
    const isKnown = entry?.content && (!seen || (seen.stamp !== "" && seen.stamp === entry.stamp));
    const content = isKnown ? entry.content : seen ? await fileContent(source) : NO_CONTENT;
    contents.set(imageFile, content);
  }
  return contents;
}

/**
 * Writes the table, and the names of its classes next to it: Get_Data renumbers the classes when a folder is added,
 * but this table keeps its numbers.
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

/** Counts the different labels. */
function countClasses(rows: readonly ImageRow[]): number {
  return new Set(rows.map((row) => row.label)).size;
}

/** Checks the paths of a table. @throws UserError for a path outside of the data directory, or one that occurs twice */
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
      throw new UserError(`${where}: "${imageFile}" is already in row ${earlier + 1}.`, next);
    }
    rowOfSource.set(source, index);
  }
}

/**
 * Preprocesses several data sets, and goes on with the others if one fails.
 * @throws UserError at the end, with the faults of all that failed
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

/** Returns a path in the disk's form of Unicode, which may differ from the table's; a missing file's path unchanged. */
function onDisk(dataDir: string, imageFile: string): string {
  return join(dataDir, hasForms(imageFile) ? (findFile(dataDir, imageFile) ?? imageFile) : imageFile);
}

/** Returns the rows of classes with at least `smallestClass` rows, in their order. */
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
