// Types shared by all readers of raw layouts.
import type { LeftOut } from "../../common/files/image_folder";

/** One image of a raw data set. */
export interface LabelledImage {
  /** Path relative to the raw data set's folder, with forward slashes. */
  file: string;
  /** Unique key of its class: a folder name, a product id, a category number. */
  classKey: string;
  /** The class's name for people; the key if omitted. */
  className?: string;
  /** Its split in a person's own data: "train", "validation", "test" or "". */
  split?: string;
}

/**
 * Counts of what a reader left out; every file or row that is not in the CSV is counted here or listed in `leftOut`.
 */
export interface SkippedCounts {
  /** Known files that come with images: .DS_Store, Thumbs.db, README.txt, ... */
  harmlessFiles: number;
  /** Rows that name an image a second time. */
  duplicateRows: number;
  /** Rows for images that are not on the disk. */
  missingImages: number;
  /** Images without an annotation. */
  unlabelledImages: number;
}

/** Result of a reader. */
export interface Reading {
  images: LabelledImage[];
  skipped: SkippedCounts;
  /** Files that are neither read as images nor known to be harmless. */
  leftOut: LeftOut[];
  /** Sentences about what was recognised in a person's own photos. */
  said?: string[];
}

/** Receives the progress of a reader. */
export type ReportReading = (done: number, total: number, unit: string) => void;

/**
 * Reads one raw data set. The same files give the same images in the same order on every machine.
 * @param folder the raw data set's folder
 * @throws UserError if the folder does not have the expected layout
 */
export type Reader = (folder: string, report: ReportReading) => Promise<Reading>;

/** Returns an empty reading. */
export function emptyReading(): Reading {
  const skipped = { harmlessFiles: 0, duplicateRows: 0, missingImages: 0, unlabelledImages: 0 };
  return { images: [], skipped, leftOut: [] };
}
