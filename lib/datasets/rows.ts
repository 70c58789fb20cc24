// Reads and writes a data set's CSV: `image_files,labels`.
import { readCsv, wholeNumberCell, writeCsv } from "../common/csv/csv";
import { SeenImages } from "../common/csv/one_label";

/** One image of one data set. */
export interface ImageRow {
  /** Path relative to the data directory, with forward slashes: `raw/rp2k/train/apple/1.jpg`. */
  imageFile: string;
  /** Class number within the data set, from 0: an identifier, not a count. */
  label: number;
}

/** The columns of a data set's CSV file, as the original writes them. */
const IMAGE_COLUMNS = ["image_files", "labels"] as const;

const NEXT = "Run `npx guie get-data` for this data set again, or fix the file.";

/**
 * Reads a CSV with the columns `image_files,labels`.
 * @throws UserError for a bad label, or for an image under two labels
 */
export async function readImageRows(path: string, next?: string): Promise<ImageRow[]> {
  const rows = await readCsv(path, IMAGE_COLUMNS, next);
  const seen = new SeenImages(path);
  return rows.map((row, index) => {
    const imageFile = row.image_files!;
    const label = wholeNumberCell(row.labels!, `${path}, row ${index + 1}: a label`, NEXT);
    seen.add(imageFile, label, index + 1);
    return { imageFile, label };
  });
}

/** Writes a CSV with the columns `image_files,labels`, atomically. */
export async function writeImageRows(path: string, rows: readonly ImageRow[]): Promise<void> {
  await writeCsv(
    path,
    IMAGE_COLUMNS,
    rows.map((row) => [row.imageFile, row.label] as const),
  );
}
