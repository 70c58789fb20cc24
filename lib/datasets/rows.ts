import { readCsv, writeCsv } from "../common/csv";
import { UserError } from "../common/errors";

/** One image of one data set. */
export interface ImageRow {
  /** Path relative to the data directory, with forward slashes: `raw/rp2k/train/apple/1.jpg`. */
  imageFile: string;
  /** Class number within the data set, from 0. */
  label: number;
}

/** The columns of a data set's CSV file, as the original writes them. */
const IMAGE_COLUMNS = ["image_files", "labels"] as const;

/** Reads a CSV with the columns `image_files,labels`. @throws UserError for a bad label, naming row and value */
export async function readImageRows(path: string, next?: string): Promise<ImageRow[]> {
  const rows = await readCsv(path, IMAGE_COLUMNS, next);
  return rows.map((row, index) => ({
    imageFile: row.image_files!,
    label: parseLabel(row.labels!, path, index),
  }));
}

/** Writes `image_files,labels`, atomically. */
export async function writeImageRows(path: string, rows: readonly ImageRow[]): Promise<void> {
  await writeCsv(
    path,
    IMAGE_COLUMNS,
    rows.map((row) => [row.imageFile, row.label] as const),
  );
}

function parseLabel(text: string, path: string, index: number): number {
  const label = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(label)) return label;
  throw new UserError(
    `${path}, row ${index + 1}: a label must be a whole number from 0, it is "${text}".`,
    "Run `npx guie get-data` for this data set again, or mend the file.",
  );
}
