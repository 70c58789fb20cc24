// What every reader of a raw layout returns.
import type { LeftOut } from "../../common/files/image_folder";

/** One image of a raw data set, as its reader finds it. */
export interface LabelledImage {
  /** Path relative to the raw data set's folder, with forward slashes. */
  file: string;
  /** What tells its class from the others: a folder name, a product id, a category number. */
  classKey: string;
  /** The class as people call it, where the data set says it; else the key is its name. */
  className?: string;
}

/** What a reader left out; every file or row that is not in the CSV is counted here, or listed as `leftOut`. */
export interface SkippedCounts {
  /** Files that are known to lie beside images: .DS_Store, Thumbs.db, README.txt, ... */
  harmlessFiles: number;
  /** Rows that name an image a second time. */
  duplicateRows: number;
  /** Rows whose image is not on the disk. */
  missingImages: number;
  /** Images without an annotation. */
  unlabelledImages: number;
}

/** What a reader found. */
export interface Reading {
  images: LabelledImage[];
  skipped: SkippedCounts;
  /** Files beside the images that are neither taken nor known to mean nothing. */
  leftOut: LeftOut[];
}

/** How far a reader is. */
export type ReportReading = (done: number, total: number, unit: string) => void;

/**
 * Reads one raw data set. The same files give the same images in the same order on every machine.
 * @param folder the raw data set's folder
 * @throws UserError when the folder does not have the layout that the reader expects
 */
export type Reader = (folder: string, report: ReportReading) => Promise<Reading>;

/** A reading that has not begun. */
export function emptyReading(): Reading {
  const skipped = { harmlessFiles: 0, duplicateRows: 0, missingImages: 0, unlabelledImages: 0 };
  return { images: [], skipped, leftOut: [] };
}
