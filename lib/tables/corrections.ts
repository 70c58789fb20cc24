// Corrections of a data directory: images to leave out (exclude.csv), images of another class (relabel.csv).
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readCsv, wholeNumberCell } from "../common/csv/csv";
import { SeenImages } from "../common/csv/one_label";
import { pathFromSpreadsheet } from "../common/csv/spreadsheet";
import { readTableForm, requireColumns } from "../common/csv/table_text";
import { type Database, sqlText } from "../common/database/database";
import { nearestName, UserError } from "../common/errors";
import { sameName } from "../common/files/unicode_names";
import { withoutContent, withoutContentSql } from "../preprocessing/content_names";
import { type DatasetName, preprocessedImage } from "../preprocessing/layout";
import { CORRECTION_FILES } from "./layout";

/** The changes that exclude.csv and relabel.csv made to a merged table. */
export interface Corrections {
  /** Number of images that were taken out. */
  excluded: number;
  /** Number of images that changed their class. */
  relabelled: number;
  /** Number of rows whose image had that class already. */
  unchanged: number;
  /** Rows that match no image: "exclude.csv, row 3: a.jpg". */
  unmatched: string[];
}

/** A row that names an image. */
export interface NamedImage {
  /** File and row, for messages. */
  where: string;
  image: string;
}

/** A row of one of the files. */
interface CorrectionRow extends NamedImage {
  reason: string;
  /** The class: a data set's own number, or its name. */
  label?: number;
  className?: string;
}

/** An image of a data set's table that a row names. */
interface Matched<Row extends NamedImage> {
  row: Row;
  image: string;
  dataset: string;
  label: number;
}

const ROWS_PER_INSERT = 1_000;

/**
 * Applies `exclude.csv` (image_files[,reason]) and `relabel.csv` (image_files, and labels or class_name) of a data
 * directory to `source_rows` (image_files, labels, dataset). An image is named by its path in the merged table, in
 * its data set's table, or below the data set's raw folder. A class is named as in its data set; a new number makes a
 * new class. exclude.csv comes first.
 * @returns undefined if there is neither file
 * @throws UserError for a bad row, a class that there is not, an image that several data sets have, or if no image
 * is left
 */
export async function applyCorrections(
  database: Database,
  dataDir: string,
  datasets: readonly DatasetName[],
): Promise<Corrections | undefined> {
  const [excludePath, relabelPath] = [CORRECTION_FILES.exclude, CORRECTION_FILES.relabel].map((file) =>
    join(dataDir, file),
  ) as [string, string];
  if (![excludePath, relabelPath].some(existsSync)) return undefined;
  const exclude = existsSync(excludePath) ? await readRows(excludePath, false) : [];
  const relabel = existsSync(relabelPath) ? await readRows(relabelPath, true) : [];
  const taken = await matchRows(database, datasets, exclude);
  const moved = await matchRows(database, datasets, relabel);
  const isTaken = new Set(taken.found.map(({ image }) => image));
  const changes: Matched<CorrectionRow>[] = [];
  for (const match of moved.found.filter(({ image }) => !isTaken.has(image))) {
    const label = match.row.label ?? (await labelOf(database, match));
    if (label !== match.label) changes.push({ ...match, label });
  }
  await removeImages(database, [...isTaken]);
  await moveImages(database, changes);
  return {
    excluded: isTaken.size,
    relabelled: changes.length,
    unchanged: moved.found.length - changes.length,
    unmatched: [...taken.unmatched, ...moved.unmatched],
  };
}

/** Returns the changes as a line for people. */
export function describeCorrections({ excluded, relabelled, unchanged, unmatched }: Corrections): string {
  const none = unchanged > 0 ? `, ${unchanged} rows changed nothing` : "";
  const shown = unmatched.slice(0, SHOWN).map((row) => `\n  ${row}`);
  const more = unmatched.length > SHOWN ? `\n  ... and ${unmatched.length - SHOWN} more` : "";
  const lost =
    unmatched.length === 0 ? "" : `; ${unmatched.length} rows match no image:${shown.join("")}${more}`;
  return `exclude.csv took out ${excluded} images, relabel.csv changed the class of ${relabelled}${none}${lost}`;
}

const SHOWN = 5;

const FORGET = "delete the file if it is of no use.";
/** The advice for a bad exclude.csv. */
export const EXCLUDE_NEXT = `The columns of exclude.csv are image_files[,reason]; ${FORGET}`;
const RELABEL_NEXT = `The columns of relabel.csv are image_files, and labels or class_name; ${FORGET}`;

/** Reads the rows of an exclude.csv; a missing reason is empty. @throws UserError for a bad row */
export async function readExclusions(path: string): Promise<(NamedImage & { reason: string })[]> {
  return readRows(path, false);
}

async function readRows(path: string, withClass: boolean): Promise<CorrectionRow[]> {
  const next = withClass ? RELABEL_NEXT : EXCLUDE_NEXT;
  const form = readTableForm(path, ["image_files"], next);
  const classColumn = ["labels", "class_name"].find((name) => form.columns.includes(name));
  if (withClass && !classColumn) requireColumns(path, form, ["labels"], next);
  const seen = new SeenImages(path);
  return (await readCsv(path, ["image_files"], next)).flatMap((cells, at) => {
    const where = `${path}, row ${at + 1}`;
    const image = pathFromSpreadsheet(cells.image_files!.trim());
    if (image === "") throw new UserError(`${where}: the column "image_files" is empty.`, next);
    const text = withClass ? cells[classColumn!]!.trim() : "";
    if (withClass && text === "")
      throw new UserError(`${where}: the column "${classColumn}" is empty.`, next);
    if (seen.add(image, text, at + 1) !== undefined) return [];
    const row = { where, image, reason: cells.reason?.trim() ?? "" };
    if (!withClass) return [row];
    if (classColumn === "class_name") return [{ ...row, className: sameName(text) }];
    return [{ ...row, label: wholeNumberCell(text, `${where}: the column "labels"`, next) }];
  });
}

/** The name by which rows find an image. */
const MATCHED = withoutContentSql("nfc_normalize(image_files)");

/**
 * Finds the images of `source_rows` (see `applyCorrections`) that rows name.
 * @returns the images in the order of the rows, and the rows without one: "exclude.csv, row 3: a.jpg"
 * @throws UserError for an image that several data sets have
 */
export async function matchRows<Row extends NamedImage>(
  database: Database,
  datasets: readonly DatasetName[],
  rows: readonly Row[],
): Promise<{ found: Matched<Row>[]; unmatched: string[] }> {
  const found: Matched<Row>[] = [];
  const unmatched: string[] = [];
  for (let first = 0; first < rows.length; first += ROWS_PER_INSERT) {
    const part = rows.slice(first, first + ROWS_PER_INSERT);
    const names = part.map(({ image }) => spellings(image, datasets));
    const list = [...new Set(names.flat())].map(sqlText).join(", ");
    const images = await database.rows<{ image: string; dataset: string; label: number; name: string }>(
      `SELECT image_files AS image, dataset, labels AS label, ${MATCHED} AS name FROM source_rows
       WHERE ${MATCHED} IN (${list}) ORDER BY image`,
    );
    const byName = new Map(images.map((image) => [image.name, image]));
    for (const [i, row] of part.entries()) {
      const matches = names[i]!.flatMap((name) => byName.get(name) ?? []);
      const [match, other] = matches;
      if (other)
        throw new UserError(
          `${row.where}: "${row.image}" is an image of ${match!.dataset} and of ${other.dataset}.`,
          `Write the path as in the merged table: ${match!.image}`,
        );
      if (match) found.push({ row, image: match.image, dataset: match.dataset, label: match.label });
      else unmatched.push(`${row.where}: ${row.image}`);
    }
  }
  return { found, unmatched };
}

/** Returns the paths that a row may mean in the tables of preprocessed images. */
function spellings(image: string, datasets: readonly DatasetName[]): string[] {
  const path = image.replace(/^(\.\/)+/, "");
  const made = datasets.flatMap((set) =>
    [path, `raw/${set.folder}/${path}`].map((source) => preprocessedImage(source, set)),
  );
  return [...new Set([withoutContent(path), ...made].map(sameName))];
}

/** Returns the number of a class by its name. */
async function labelOf(database: Database, { row, dataset }: Matched<CorrectionRow>): Promise<number> {
  const known = await database.rows<{ labels: number; name: string }>(
    `SELECT DISTINCT labels, coalesce(nullif(class_name, ''), labels::VARCHAR) AS name
     FROM source_rows LEFT JOIN class_names USING (dataset, labels) WHERE dataset = ${sqlText(dataset)} ORDER BY labels`,
  );
  const [found, other] = known.filter(({ name }) => sameName(name) === row.className);
  if (other)
    throw new UserError(
      `${row.where}: ${dataset} has two classes "${row.className}": ${found!.labels} and ${other.labels}.`,
      "Write the class's number in a column labels.",
    );
  if (found) return found.labels;
  const near = nearestName(
    row.className!,
    known.map(({ name }) => name),
  );
  throw new UserError(
    `${row.where}: ${dataset} has no class "${row.className}".`,
    `${near ? `Did you mean "${near}"? ` : ""}For a new class, write a new number in a column labels.`,
  );
}

async function removeImages(database: Database, images: readonly string[]): Promise<void> {
  for (let first = 0; first < images.length; first += ROWS_PER_INSERT) {
    const list = images
      .slice(first, first + ROWS_PER_INSERT)
      .map(sqlText)
      .join(", ");
    await database.run(`DELETE FROM source_rows WHERE image_files IN (${list})`);
  }
  const { left } = await database.row<{ left: number }>("SELECT count(*) AS left FROM source_rows");
  if (left > 0) return;
  throw new UserError(`exclude.csv takes out all ${images.length} images.`, "Delete rows of exclude.csv.");
}

async function moveImages(database: Database, changes: readonly Matched<CorrectionRow>[]): Promise<void> {
  for (let first = 0; first < changes.length; first += ROWS_PER_INSERT) {
    const values = changes
      .slice(first, first + ROWS_PER_INSERT)
      .map(({ image, label }) => `(${sqlText(image)}, ${label})`);
    await database.run(
      `UPDATE source_rows SET labels = given.label FROM (VALUES ${values.join(", ")}) AS given (image, label)
       WHERE image_files = given.image`,
    );
  }
}
