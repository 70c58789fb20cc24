import { join } from "node:path";
import { type CsvRow, readCsv } from "../../common/csv";
import { UserError } from "../../common/errors";
import { breathe } from "../../common/interrupt";
import { checkedImagePath } from "./image_path";
import { presenceIn } from "./presence";
import { type LabelledImage, nothingSkipped, type Reader } from "./reader";

/** A data set that says in a CSV file which class an image has. */
export interface CsvTableLayout {
  /** The CSV file, relative to the data set's folder. */
  file: string;
  /** The column that names the image; `imageFile` turns it into a path. */
  imageColumn: string;
  /** Path of an image relative to the data set's folder, from the cell of `imageColumn`. */
  imageFile: (cell: string) => string;
  /** The column that holds the class: a whole number from 0. */
  classColumn: string;
  /** The column with a name for people: a class is called as its first row says. */
  nameColumn?: string;
  /** What to do when the file or a column is missing. */
  next: string;
}

const ROWS_PER_REPORT = 5_000;

/** A reader for data sets with a CSV file of their own. A second row for one image is dropped and counted. */
export function csvTable(table: CsvTableLayout): Reader {
  return async (folder, report) => {
    const columns = [table.imageColumn, table.classColumn, ...(table.nameColumn ? [table.nameColumn] : [])];
    const rows = await readCsv(join(folder, table.file), columns, table.next);
    const reading = { images: [] as LabelledImage[], skipped: nothingSkipped() };
    const seen = new Set<string>();
    const isPresent = presenceIn(folder);
    for (const [index, row] of rows.entries()) {
      const image = labelledImage(row, table, `${join(folder, table.file)}, row ${index + 1}`);
      if (seen.has(image.file)) reading.skipped.duplicateRows++;
      else if (!(await isPresent(image.file))) reading.skipped.missingImages++;
      else reading.images.push(image);
      seen.add(image.file);
      if ((index + 1) % ROWS_PER_REPORT === 0 || index + 1 === rows.length) {
        await breathe();
        report(index + 1, rows.length, "rows");
      }
    }
    if (reading.images.length === 0) throw noImages(folder, [...seen][0]!, table);
    return reading;
  };
}

function labelledImage(row: CsvRow, table: CsvTableLayout, where: string): LabelledImage {
  const file = checkedImagePath(table.imageFile(row[table.imageColumn]!), where);
  const image = { file, classKey: wholeNumber(row[table.classColumn]!, table.classColumn, where) };
  return table.nameColumn ? { ...image, className: row[table.nameColumn]! } : image;
}

/** Spellings of one number are one class: 7 and 007. */
function wholeNumber(text: string, column: string, where: string): string {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return String(number);
  throw new UserError(
    `${where}: ${column} must be a whole number from 0, it is "${text}".`,
    "Get the data set's own table again, or mend that row.",
  );
}

function noImages(folder: string, first: string, table: CsvTableLayout): UserError {
  return new UserError(
    `None of the images that ${join(folder, table.file)} names is there; the first was expected at ` +
      `${join(folder, first)}.`,
    "Unpack the images of the data set beside its CSV file.",
  );
}
