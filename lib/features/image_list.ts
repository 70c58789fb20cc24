// Lists of images to embed, from a folder, an image, a table or a text file.
import { statSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { byCodeUnit } from "../common/code_units";
import { eachCsvRow, wholeNumberCell } from "../common/csv/csv";
import { SeenImages } from "../common/csv/one_label";
import { readLines, readTableForm } from "../common/csv/table_text";
import { UserError } from "../common/errors";
import { requireFile } from "../common/files/files";
import { IMAGE_ENDINGS, type LeftOut } from "../common/files/image_folder";
import { isRegularFile } from "../common/files/regular_file";
import { findFile, hasForms, sameName } from "../common/files/unicode_names";
import type { OwnSource, SourceSettings } from "../datasets/own/own_images";
import { readOwnImages } from "../datasets/own/read_own_images";
import { type FeatureRows, isFurtherColumn } from "./rows_csv";

/** Images by path below a folder, with labels, folds and names of classes if known. */
export interface ImageList {
  /** The folder that the paths are relative to. */
  folder: string;
  rows: FeatureRows;
  /** Entries of a folder or table that are not embedded: files that are not images, broken links. */
  leftOut: readonly LeftOut[];
  /** Sentences that say what was recognised, of a folder or of a person's own table. */
  said?: readonly string[];
}

/** Possible names of a pipeline table's columns: in a data set's table, in a merged one. */
const FILE_COLUMNS = ["image_files", "new_image_files"] as const;
const LABEL_COLUMNS = ["labels", "new_labels"] as const;
const CSV_ENDINGS: readonly string[] = [".csv", ".tsv"];
const LIST_ENDINGS: readonly string[] = [".txt", ""];
const SOURCES = "Name a folder, a table, or a text file with one path per line.";

/** The name of the class of images without one, next to others that have one. */
export const NO_CLASS = "(no class)";

/**
 * Returns the images of a source:
 * - `.csv`, `.tsv` with the pipeline's columns: image_files (or new_image_files) below `folder`, or below the table's
 *   own folder; labels (new_labels): numbers, or names; fold; an image in several rows, as in a balanced table, is
 *   taken once
 * - a list, `.txt` or without an ending: one path per line
 * - an image file: itself
 * - any other source, and any that settings are given for: as `readOwnImages` reads it
 * @param path absolute
 * @param folder base of the paths in a pipeline's table or a list; absolute
 * @param settings how a person's own folder or table is read, instead of a guess
 * @throws UserError if there is no such file or folder, no image in it, or an image with two labels
 */
export async function readImageList(
  path: string,
  folder: string,
  settings: SourceSettings = {},
): Promise<ImageList> {
  const ending = extname(path).toLowerCase();
  const isGuessed = Object.values(settings).every((value) => value === undefined);
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder || !isGuessed) return ownList({ ...settings, source: path });
  requireFile(path, "images, or a list of them,", SOURCES);
  if (IMAGE_ENDINGS.includes(ending.slice(1)))
    return { folder: dirname(path), rows: { files: [basename(path)] }, leftOut: [] };
  const fileColumn = CSV_ENDINGS.includes(ending) ? pipelineColumn(path) : undefined;
  if (fileColumn !== undefined) return pipelineList(path, folder, fileColumn);
  if (!LIST_ENDINGS.includes(ending)) return ownList({ source: path });
  const files = requireSome(path, (await readLines(path, SOURCES)).map(onDisk(folder)));
  return { folder, rows: { files }, leftOut: [] };
}

function requireSome(path: string, files: readonly string[]): readonly string[] {
  if (files.length > 0) return files;
  throw new UserError(
    `${path} holds no images.`,
    `Image files are recognised by their endings: ${IMAGE_ENDINGS.map((ending) => `.${ending}`).join(" ")}.`,
  );
}

async function ownList(source: OwnSource): Promise<ImageList> {
  const {
    folder,
    files,
    classes,
    columns = new Map<string, string[]>(),
    leftOut,
    said,
  } = await readOwnImages(source);
  const labelled = classes === undefined ? {} : numbered(classes);
  const further = new Map([...columns].filter(([name]) => isFurtherColumn(name)));
  const rows = { files, ...labelled, ...(further.size > 0 ? { columns: further } : {}) };
  return { folder, rows, leftOut, said };
}

/** Numbers classes from 0 in the order of their names; images without one come last. */
export function numbered(classes: readonly string[]): Required<Pick<FeatureRows, "labels" | "classNames">> {
  const names = [...new Set(classes)].filter((name) => name !== "").sort(byCodeUnit);
  const numbers = new Map(names.map((name, label) => [name, label]));
  const labels = classes.map((name) => numbers.get(name) ?? names.length);
  return { labels, classNames: classes.includes("") ? [...names, NO_CLASS] : names };
}

/** Returns a function that gives a path in the disk's spelling; a missing file's stays, and fails when it is read. */
function onDisk(folder: string): (file: string) => string {
  return (file) => (hasForms(file) ? (findFile(folder, file) ?? file) : file);
}

/** Returns the column of image paths of a pipeline's table; undefined for other tables. */
function pipelineColumn(path: string): string | undefined {
  const { columns } = readTableForm(path, []);
  return FILE_COLUMNS.find((name) => columns.includes(name));
}

async function pipelineList(path: string, dataDir: string, fileColumn: string): Promise<ImageList> {
  const { columns } = readTableForm(path, []);
  const labelColumn = LABEL_COLUMNS.find((name) => columns.includes(name));
  const hasFolds = columns.includes("fold");
  const files: string[] = [];
  const texts: string[] = [];
  const folds: number[] = [];
  const own: (string | undefined)[] = [fileColumn, labelColumn];
  const further = new Map(
    columns.flatMap((name) => (isFurtherColumn(name) && !own.includes(name) ? [[name, [] as string[]]] : [])),
  );
  const shared = new Map<string, string>(); // one copy of each text
  const sharedText = (text: string) => {
    if (!shared.has(text)) shared.set(text, text);
    return shared.get(text)!;
  };
  const seen = new SeenImages(path);
  await eachCsvRow(path, [fileColumn], (row, index) => {
    const where = (column: string) => `${path}, row ${index + 1}: the column "${column}"`;
    const label = sharedText(labelColumn ? sameName(row[labelColumn]!) : "");
    const file = row[fileColumn]!;
    if (seen.add(file, WHOLE_NUMBER.test(label) ? Number(label) : label, index + 1) !== undefined) return;
    files.push(file);
    if (labelColumn) texts.push(label);
    for (const [name, texts] of further) texts.push(sharedText(row[name]!));
    if (hasFolds) folds.push(wholeNumberCell(row.fold!, where("fold"), "Fix the file."));
  });
  requireSome(path, files);
  const folder = baseOf(files, [dataDir, dirname(path)]);
  const labels = labelColumn === undefined ? {} : labelsOf(texts, `${path}: the column "${labelColumn}"`);
  const rows = {
    files: files.map(onDisk(folder)),
    ...labels,
    ...(hasFolds ? { folds } : {}),
    ...(further.size > 0 ? { columns: further } : {}),
  };
  return { folder, rows, leftOut: [] };
}

/** A number of a class as the pipeline writes it, with spaces around it; "007" is a name. */
const WHOLE_NUMBER = /^ *(0|[1-9]\d{0,14}) *$/;

/** Returns labels: the numbers themselves, if all cells are such; else the cells are names. */
function labelsOf(texts: readonly string[], where: string): Pick<FeatureRows, "labels" | "classNames"> {
  const isName = (text: string) => text.trim() !== "" && !WHOLE_NUMBER.test(text);
  if (texts.some(isName)) return numbered(texts);
  return { labels: texts.map((text) => wholeNumberCell(text, where, "Fill it in, or remove the row.")) };
}

/** Returns the first folder that holds the first file; the first folder if none does. */
function baseOf([first]: readonly string[], folders: readonly string[]): string {
  const found = folders.find(
    (folder) => isRegularFile(join(folder, first!)) || findFile(folder, first!) !== undefined,
  );
  return found ?? folders[0]!;
}
