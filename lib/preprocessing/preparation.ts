// The preparation of Data_preprocessing: what is encoded, from where to where, and what was finished before.
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { fileContent, NO_CONTENT, seeFile } from "../common/files/fingerprint";
import type { MakingOf, OtherRecords, SourceEntry } from "../common/files/source_record";
import { SourceRecord } from "../common/files/source_record";
import { findFile, hasForms } from "../common/files/unicode_names";
import type { TaskOptions } from "../common/progress";
import type { ResizeMode } from "../config/model";
import type { DataSet } from "../datasets/catalogue";
import type { ImageRow } from "../datasets/rows";
import type { JpegSettings } from "../images/jpeg/convert";
import { assertPixelRule, type PixelRule } from "../images/readers/options";
import { withContent } from "./content_names";
import { encodeImages } from "./encode_images";
import { claimImagesFolder, listMade } from "./images_folder";
import { type DatasetName, preprocessedFolder, preprocessedImage } from "./layout";

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

/** The images of a data set that a process makes. */
export interface ImageMaking {
  record: SourceRecord;
  /** Returns the JPEG of an image's path in `csv/<name>.csv`. */
  madeOf(imageFile: string): string;
  /** Makes the JPEGs that are missing or outdated. @returns row -> reason why its source cannot be used */
  run(): Promise<Map<number, string>>;
}

/**
 * Prepares the making of a data set's images: claims their folder for these settings, and reads what was made before.
 * @param options with an absolute `dataDir`
 * @param rows whose images this process makes
 * @param paths of this process's own record, absolute, and of those of others
 * @throws UserError for images that were made with other settings
 */
export async function prepareMaking(
  options: PreprocessOptions,
  rows: readonly ImageRow[],
  { recordPath, others = {} }: { recordPath: string; others?: OtherRecords },
): Promise<ImageMaking> {
  const { dataDir, dataset, concurrency = availableParallelism() + 1, onProgress } = options;
  const folder = join(dataDir, preprocessedFolder(dataset));
  const settings = jpegSettings(options);
  claimImagesFolder(folder, settings);
  const record = await SourceRecord.open(recordPath, others);
  const contents = dataset.own ? await contentsOf(dataDir, rows, record) : undefined;
  const madeOf = (imageFile: string) => {
    const image = preprocessedImage(imageFile, dataset);
    return contents ? withContent(image, contents.get(imageFile)!) : image;
  };
  const taskOf = (index: number) => {
    const { imageFile } = rows[index]!;
    return {
      image: imageFile,
      source: onDisk(dataDir, imageFile),
      target: join(dataDir, madeOf(imageFile)),
    };
  };
  const finished = finishedBy(record, folder, others);
  const making = { ...settings, concurrency, record, finished, stage: dataset.name, onProgress };
  return { record, madeOf, run: () => encodeImages(rows.length, taskOf, making) };
}

function jpegSettings(options: PreprocessOptions): JpegSettings {
  const { imageSizePx = 224, decoding = "full", pixels = "shown", resizeMode = "squash" } = options;
  assertPixelRule(pixels);
  // settings.json of folders that were made before these options existed does not have them
  const rule = {
    ...(pixels === "shown" ? {} : { pixels }),
    ...(resizeMode === "squash" ? {} : { resizeMode }),
  };
  return { imageSizePx, jpegQuality: JPEG_QUALITY, decoding, ...rule };
}

/** Returns a function that finds the entry of an image that another process has finished, if its JPEG is there. */
function finishedBy(
  record: SourceRecord,
  folder: string,
  { after = [] }: OtherRecords,
): (task: MakingOf) => SourceEntry | undefined {
  if (after.length === 0) return () => undefined;
  const made = listMade(folder);
  return ({ image, target }) => {
    const entry = record.finishedLater(image);
    return entry && (entry.reason !== "" || made.has(basename(target))) ? entry : undefined;
  };
}

/**
 * Returns the hash of each photo by its path: that of a process that has just finished it, or from the record while the
 * file is the same, else from its bytes.
 */
async function contentsOf(
  dataDir: string,
  rows: readonly ImageRow[],
  record: SourceRecord,
): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  for (const { imageFile } of rows) {
    const finished = record.finishedLater(imageFile)?.content;
    if (finished) {
      contents.set(imageFile, finished);
      continue;
    }
    const source = onDisk(dataDir, imageFile);
    const [seen, entry] = [await seeFile(source), record.get(imageFile)];
    const isKnown = entry?.content && (!seen || (seen.stamp !== "" && seen.stamp === entry.stamp));
    const content = isKnown ? entry.content : seen ? await fileContent(source) : NO_CONTENT;
    contents.set(imageFile, content);
  }
  return contents;
}

/** Returns a path in the disk's form of Unicode, which may differ from the table's; a missing file's path unchanged. */
function onDisk(dataDir: string, imageFile: string): string {
  return join(dataDir, hasForms(imageFile) ? (findFile(dataDir, imageFile) ?? imageFile) : imageFile);
}
