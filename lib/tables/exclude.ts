// Adds images to a data directory's exclude.csv, which a person may have begun.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { stringify } from "csv-stringify/sync";
import { eachCsvRow } from "../common/csv/csv";
import { forSpreadsheet, pathForSpreadsheet, pathFromSpreadsheet } from "../common/csv/spreadsheet";
import { readTableForm, type TableForm } from "../common/csv/table_text";
import { asOwner } from "../common/files/claim";
import { writeAtomically } from "../common/files/files";
import { EXCLUDE_NEXT } from "./corrections";
import { CORRECTION_FILES } from "./layout";

/** An image to leave out. */
export interface ImageToExclude {
  /** Path as in the merged table. */
  image: string;
  reason: string;
}

/** What was added to exclude.csv. */
export interface ExcludedImages {
  path: string;
  /** Number of new rows. */
  added: number;
  /** Number of images that had a row already. */
  known: number;
}

/**
 * Adds rows to `exclude.csv` (image_files,reason). Its rows stay byte for byte; an image that has a row gets no second
 * one. The new rows have the separator, the columns and the encoding of the file; without a column `reason` the
 * reasons are left out.
 * @throws UserError for a file that is no table or lacks the column image_files, or that another process writes
 */
export async function excludeImages(
  dataDir: string,
  images: readonly ImageToExclude[],
): Promise<ExcludedImages> {
  const path = join(dataDir, CORRECTION_FILES.exclude);
  if (images.length === 0) return { path, added: 0, known: 0 };
  return asOwner(path, "Adding rows to exclude.csv", () => addRows(path, images));
}

async function addRows(path: string, images: readonly ImageToExclude[]): Promise<ExcludedImages> {
  const before = existsSync(path) ? readFileSync(path) : undefined;
  const form: Pick<TableForm, "encoding" | "separator" | "columns"> = before
    ? readTableForm(path, ["image_files"], EXCLUDE_NEXT)
    : { encoding: "utf-8", separator: ",", columns: ["image_files", "reason"] };
  const known = new Set<string>();
  if (before)
    await eachCsvRow(path, ["image_files"], (row) =>
      known.add(sameImage(pathFromSpreadsheet(row.image_files!.trim()))),
    );
  const added = images.filter(({ image }) => {
    const key = sameImage(image);
    return !known.has(key) && known.add(key);
  });
  if (added.length > 0) {
    const cells: Record<string, string>[] = added.map(({ image, reason }) => ({
      image_files: pathForSpreadsheet(image),
      reason: forSpreadsheet(reason),
    }));
    const rows = cells.map((row) => form.columns.map((column) => row[column] ?? ""));
    const text = stringify(before ? rows : [[...form.columns], ...rows], { delimiter: form.separator });
    const bytes = Buffer.concat([
      before ?? Buffer.alloc(0),
      encoded(lineEnd(before, form.encoding) + text, form.encoding),
    ]);
    await writeAtomically(path, (temporary) => writeFileSync(temporary, bytes));
  }
  return { path, added: added.length, known: images.length - added.length };
}

/** Returns one spelling of a path, as `SeenImages` compares them. */
function sameImage(image: string): string {
  return posix.normalize(image).normalize("NFC");
}

/** Returns the line end that the last row lacks. */
function lineEnd(before: Buffer | undefined, encoding: TableForm["encoding"]): string {
  if (!before) return "";
  return /[\r\n]$/.test(new TextDecoder(encoding).decode(before.subarray(-4))) ? "" : "\n";
}

function encoded(text: string, encoding: TableForm["encoding"]): Buffer {
  if (encoding === "utf-8") return Buffer.from(text, "utf8");
  const bytes = Buffer.from(text, "utf16le");
  return encoding === "utf-16le" ? bytes : bytes.swap16();
}
