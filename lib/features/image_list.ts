// Lists of images to embed, from a folder, an image, a table or a text file.
import { statSync } from "node:fs";
import { basename, dirname, extname } from "node:path";
import { byCodeUnit } from "../common/code_units";
import { eachCsvRow, wholeNumberCell } from "../common/csv/csv";
import { SeenImages } from "../common/csv/one_label";
import { readLines, readTableForm, requireColumns } from "../common/csv/table_text";
import { UserError } from "../common/errors";
import { requireFile } from "../common/files/files";
import { FolderWalk, IMAGE_ENDINGS, isImageName, type LeftOut } from "../common/files/image_folder";
import { findFile, hasForms } from "../common/files/unicode_names";
import type { FeatureRows } from "./feature_files";

/** Images by path below a folder, with labels and folds if known. */
export interface ImageList {
  /** The folder that the paths are relative to. */
  folder: string;
  rows: FeatureRows;
  /** Entries of a folder that are not embedded: files that are not images, broken links. */
  leftOut: readonly LeftOut[];
}

/** Possible names of a table's columns: in a data set's table, in a merged one. */
const FILE_COLUMNS = ["image_files", "new_image_files"] as const;
const LABEL_COLUMNS = ["labels", "new_labels"] as const;
const TABLE_ENDINGS = [".csv", ".tsv"];
const SOURCES = "Name a folder, a table, or a text file with one path per line.";

/**
 * Returns the images of a source:
 * - a folder: all image files in it and below, sorted, without hidden ones; links to folders are followed
 * - `.csv`, `.tsv`: the column image_files (or new_image_files), with labels (new_labels) and fold if present; an image
 *   in
 *   several rows, as in a balanced table, is taken once
 * - an image file: itself
 * - any other file: one path per line
 * @param path absolute
 * @param folder base of the paths in a table or text file; absolute
 * @throws UserError if there is no such file or folder, no image in it, or an image with two labels
 */
export async function readImageList(path: string, folder: string): Promise<ImageList> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return folderList(path);
  requireFile(path, "images, or a list of them,", SOURCES);
  if (isImageName(path)) return { folder: dirname(path), rows: { files: [basename(path)] }, leftOut: [] };
  const isTable = TABLE_ENDINGS.includes(extname(path).toLowerCase());
  const rows = isTable
    ? await tableRows(path, folder)
    : { files: (await readLines(path, SOURCES)).map(onDisk(folder)) };
  requireSome(path, rows.files as readonly string[]);
  return { folder, rows, leftOut: [] };
}

function requireSome(path: string, files: readonly string[]): readonly string[] {
  if (files.length > 0) return files;
  throw new UserError(
    `${path} holds no images.`,
    `Image files are recognised by their endings: ${IMAGE_ENDINGS.map((ending) => `.${ending}`).join(" ")}.`,
  );
}

function folderList(folder: string): ImageList {
  const walk = new FolderWalk(folder);
  const files = [...walk.imagesBelow("")].sort(byCodeUnit);
  return { folder, rows: { files: requireSome(folder, files) }, leftOut: walk.leftOut };
}

/** Returns a function that gives a path in the disk's spelling; a missing file's stays, and fails when it is read. */
function onDisk(folder: string): (file: string) => string {
  return (file) => (hasForms(file) ? (findFile(folder, file) ?? file) : file);
}

async function tableRows(path: string, folder: string): Promise<FeatureRows> {
  const form = readTableForm(path, []);
  const columnOf = (names: readonly string[]) => names.find((name) => form.columns.includes(name));
  const fileColumn = columnOf(FILE_COLUMNS);
  if (!fileColumn) requireColumns(path, form, [FILE_COLUMNS[0]], "Rename the column with the images' paths.");
  const labelColumn = columnOf(LABEL_COLUMNS);
  const hasFolds = form.columns.includes("fold");
  const [files, labels, folds] = [[] as string[], [] as number[], [] as number[]];
  const seen = new SeenImages(path);
  await eachCsvRow(path, [fileColumn!], (row, index) => {
    const numberIn = (column: string) =>
      wholeNumberCell(row[column]!, `${path}, row ${index + 1}: the column "${column}"`, "Fix the file.");
    const label = labelColumn ? numberIn(labelColumn) : 0;
    const file = row[fileColumn!]!;
    if (seen.add(file, label, index + 1) !== undefined) return;
    files.push(onDisk(folder)(file));
    if (labelColumn) labels.push(label);
    if (hasFolds) folds.push(numberIn("fold"));
  });
  return { files, ...(labelColumn ? { labels } : {}), ...(hasFolds ? { folds } : {}) };
}
