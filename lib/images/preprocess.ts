// Data_preprocessing: drops small classes, brings every kept image under the resize rule, writes JPEGs and a table.
import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, posix } from "node:path";
import { mapConcurrently } from "../common/concurrent";
import { writeCsv } from "../common/csv";
import { UserError } from "../common/errors";
import { writeFileAtomically } from "../common/files";
import type { OnProgress } from "../common/progress";
import { projectPath } from "../common/project";
import { type ImageRow, readImageRows, writeImageRows } from "../datasets/rows";
import { decodeRgb, readImageFile } from "./decode";
import { claimImagesFolder, keepOnly } from "./images_folder";
import { type DatasetName, preprocessedCsv, preprocessedFolder, rejectsCsv, sourceCsv } from "./layout";
import { jpegName } from "./names";
import { encodeJpeg, resizePlan, resizeRgb } from "./resize";

const JPEG_QUALITY = 95;

/** What to preprocess, and how. */
export interface PreprocessOptions {
  /** Absolute, or below the project's folder. */
  dataDir: string;
  /** A row of the catalogue: classes with fewer than `smallestClass` images are dropped. */
  dataset: DatasetName & { smallestClass: number };
  /** Longest side of a kept image; 224 unless told. */
  imageSizePx?: number;
  /** Images under work at once; the number of CPU threads unless told. */
  concurrency?: number;
  onProgress?: OnProgress;
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

/** An image on its way: where it comes from, where it goes (`imageFile`), and why it could not be read, if so. */
interface ImageJob extends ImageRow {
  source: string;
  reason?: string;
}

/**
 * Preprocesses one data set: `csv/<name>.csv` -> `final_data_224/<folder>/images/*.jpg`,
 * `<folder>_final_224.csv` (image_files,labels; labels as they were) and `<folder>_rejects.csv`
 * (image_files,labels,reason). Classes are counted again after unreadable images are left out.
 *
 * It can be stopped at any moment and run again: a JPEG that stands under its final name is whole and is not made
 * again unless its source is newer. The images folder belongs to this step: JPEGs that no row names are removed.
 * @throws UserError for a missing or bad table, for images made with other settings, and when no class is left
 */
export async function preprocessDataset(options: PreprocessOptions): Promise<PreprocessResult> {
  const { dataset, imageSizePx = 224 } = options;
  const dataDir = projectPath(options.dataDir);
  const rows = await readImageRows(join(dataDir, sourceCsv(dataset)), "npx guie get-data");
  const jobs = keepLargeClasses(planJobs(rows, dataset), dataset.smallestClass);
  if (jobs.length === 0) throw noClassLeft(dataset, `all ${countClasses(rows)} classes are smaller`);

  const folder = join(dataDir, preprocessedFolder(dataset));
  claimImagesFolder(folder, { imageSizePx, jpegQuality: JPEG_QUALITY });
  const outcomes = await makeJpegs(jobs, options);
  const readable = outcomes.filter(({ reason }) => reason === undefined);
  const rejects = outcomes.filter(({ reason }) => reason !== undefined);
  await writeRejects(join(dataDir, rejectsCsv(dataset)), rejects);
  const kept = keepLargeClasses(readable, dataset.smallestClass);
  if (kept.length === 0) throw noClassLeft(dataset, `${rejects.length} files are in ${rejectsCsv(dataset)}`);
  await writeImageRows(join(dataDir, preprocessedCsv(dataset)), kept);
  keepOnly(
    folder,
    kept.map(({ imageFile }) => posix.basename(imageFile)),
  );
  return {
    dataset: dataset.name,
    rowsIn: rows.length,
    classesIn: countClasses(rows),
    rowsOut: kept.length,
    classesOut: countClasses(kept),
    rejected: rejects.length,
    droppedAfterRejects: readable.length - kept.length,
  };
}

/** Number of different labels. */
export function countClasses(rows: readonly ImageRow[]): number {
  return new Set(rows.map((row) => row.label)).size;
}

function planJobs(rows: readonly ImageRow[], dataset: DatasetName): ImageJob[] {
  const folder = `${preprocessedFolder(dataset)}/images`;
  const rowOfSource = new Map<string, number>();
  return rows.map(({ imageFile, label }, index) => {
    const source = posix.normalize(imageFile);
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
    return { source, label, imageFile: `${folder}/${jpegName(source, dataset.folder)}` };
  });
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

async function makeJpegs(jobs: readonly ImageJob[], options: PreprocessOptions): Promise<ImageJob[]> {
  const { dataset, imageSizePx = 224, concurrency = availableParallelism(), onProgress } = options;
  const dataDir = projectPath(options.dataDir);
  let done = 0;
  return mapConcurrently(jobs, concurrency, async (job) => {
    const reason = await makeJpeg(dataDir, job, imageSizePx);
    onProgress?.({ stage: dataset.name, done: ++done, total: jobs.length, unit: "images" });
    return { ...job, reason };
  });
}

/** Writes one JPEG unless it is there. Returns the reason if the image cannot be read. */
async function makeJpeg(dataDir: string, job: ImageJob, imageSizePx: number): Promise<string | undefined> {
  const source = join(dataDir, job.source);
  const target = join(dataDir, job.imageFile);
  if (isUpToDate(source, target)) return undefined;
  try {
    const image = await decodeRgb(await readImageFile(source));
    const resized = resizeRgb(image, resizePlan(image.width, image.height, imageSizePx));
    writeFileAtomically(target, await encodeJpeg(resized, JPEG_QUALITY));
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message;
  }
}

async function writeRejects(path: string, rejects: readonly ImageJob[]): Promise<void> {
  const rows = rejects.map(({ source, label, reason }) => [source, label, reason ?? ""] as const);
  await writeCsv(path, ["image_files", "labels", "reason"], rows);
}

/** As `make` sees it; an image whose source was deleted to save space stays. */
function isUpToDate(source: string, target: string): boolean {
  const targetStat = statSync(target, { throwIfNoEntry: false });
  const sourceStat = statSync(source, { throwIfNoEntry: false });
  return targetStat !== undefined && (sourceStat === undefined || sourceStat.mtimeMs <= targetStat.mtimeMs);
}
