// Reads a CSV that names images and classes (Landmark, JD, Shopee).
import { join } from "node:path";
import { type CsvRow, readCsv, wholeNumberCell } from "../../common/csv/csv";
import { SeenImages } from "../../common/csv/one_label";
import { UserError } from "../../common/errors";
import { findFile } from "../../common/files/unicode_names";
import { checkInterrupt } from "../../common/interrupt";
import { checkedImagePath } from "./image_path";
import { presenceIn } from "./presence";
import { emptyReading, type LabelledImage, type Reader } from "./reader";

/** A data set with a CSV file that gives the class of each image. */
export interface CsvTableLayout {
  /** The CSV file, relative to the data set's folder. */
  file: string;
  /** The column that names the image; `imageFile` turns it into a path. */
  imageColumn: string;
  /** Turns a cell of `imageColumn` into the image's path relative to the data set's folder. */
  imageFile: (cell: string) => string;
  /** The column that holds the class: a whole number from 0. */
  classColumn: string;
  /** The column with the class name for people; a class takes the name of its first row. */
  nameColumn?: string;
  /** Advice for a missing file or column. */
  next: string;
}

const NEXT = "Get the data set's own table again, or fix that row.";
const ROWS_PER_REPORT = 5_000;

/**
 * Returns a reader for data sets with their own CSV file. A repeated row for an image is dropped and counted; under
 * another label it is an error.
 */
export function csvTable(table: CsvTableLayout): Reader {
  return async (folder, report) => {
    const columns = [table.imageColumn, table.classColumn, ...(table.nameColumn ? [table.nameColumn] : [])];
    const rows = await readCsv(join(folder, table.file), columns, table.next);
    const reading = emptyReading();
    const seen = new SeenImages(join(folder, table.file));
    const isPresent = presenceIn(folder);
    let first: string | undefined;
    for (const [index, row] of rows.entries()) {
      const image = labelledImage(row, table, `${join(folder, table.file)}, row ${index + 1}`);
      first ??= image.file;
      const before = seen.add(image.file, image.classKey, index + 1);
      const file = findFile(folder, image.file) ?? image.file;
      if (before !== undefined) reading.skipped.duplicateRows++;
      else if (!(await isPresent(file))) reading.skipped.missingImages++;
      else reading.images.push({ ...image, file });
      if ((index + 1) % ROWS_PER_REPORT === 0 || index + 1 === rows.length) {
        await checkInterrupt();
        report(index + 1, rows.length, "rows");
      }
    }
    if (reading.images.length === 0) throw noImages(folder, first!, table);
    return reading;
  };
}

function labelledImage(row: CsvRow, table: CsvTableLayout, where: string): LabelledImage {
  const file = checkedImagePath(table.imageFile(row[table.imageColumn]!), where);
  const label = wholeNumberCell(row[table.classColumn]!, `${where}: ${table.classColumn}`, NEXT);
  const image = { file, classKey: String(label) }; // spellings of one number are one class: 7 and 007
  return table.nameColumn ? { ...image, className: row[table.nameColumn]! } : image;
}

function noImages(folder: string, first: string, table: CsvTableLayout): UserError {
  return new UserError(
    `None of the images that ${join(folder, table.file)} names is there; the first was expected at ` +
      `${join(folder, first)}.`,
    "Unpack the images of the data set next to its CSV file.",
  );
}
