// Lists of images to embed: a folder, a CSV, a text file.
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, extname, join, relative, sep } from "node:path";
import { eachCsvRow } from "../common/csv";
import { UserError } from "../common/errors";
import { unreachable } from "../common/file_faults";
import { byCodeUnit, requireFile } from "../common/files";
import { projectPath } from "../common/project";
import type { FeatureRows } from "./feature_files";

/** Images by path below a folder, with what is known of them. */
export interface ImageList {
  /** The folder that the paths are relative to. */
  folder: string;
  rows: FeatureRows;
}

/** Names of image files that are read. */
const IMAGE_ENDINGS = new Set(
  "avif bmp gif jfif jpe jpeg jpg png svg tif tiff webp".split(" ").map((ending) => `.${ending}`),
);

/** What a CSV may call its columns: those of a data set's table, those of a merged one. */
const FILE_COLUMNS = ["image_files", "new_image_files"] as const;
const LABEL_COLUMNS = ["labels", "new_labels"] as const;

/**
 * The images of a source:
 * - a folder: all image files in it and below, sorted; hidden ones are left out
 * - `.csv`: the column image_files (or new_image_files), with labels (new_labels) and fold where it has them; an image
 *   that stands in several rows, as in a balanced table, is taken once
 * - an image file: itself
 * - any other file: a path a line
 * @param folder what the paths of a CSV or text file are relative to
 * @throws UserError where there is no such file or folder, or no image in it
 */
export async function readImageList(source: string, folder: string): Promise<ImageList> {
  const path = projectPath(source);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    return { folder: path, rows: { files: requireSome(path, imagesBelow(path)) } };
  requireFile(path, "images, or a list of them,", "Name a folder, a CSV, or a text file with a path a line.");
  if (isImageName(path)) return { folder: dirname(path), rows: { files: [basename(path)] } };
  const rows = extname(path).toLowerCase() === ".csv" ? await csvRows(path) : { files: textLines(path) };
  requireSome(path, rows.files as readonly string[]);
  return { folder: projectPath(folder), rows };
}

function requireSome(path: string, files: readonly string[]): readonly string[] {
  if (files.length > 0) return files;
  throw new UserError(
    `${path} holds no images.`,
    `Files are taken for images by their ending: ${[...IMAGE_ENDINGS].join(" ")}.`,
  );
}

function isImageName(path: string): boolean {
  return IMAGE_ENDINGS.has(extname(path).toLowerCase());
}

function imagesBelow(folder: string): string[] {
  return entriesBelow(folder)
    .filter((entry) => !entry.isDirectory() && isImageName(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((file) => !/(^|\/)\./.test(file))
    .sort(byCodeUnit);
}

/** @throws UnreachableFile where the world keeps a folder from being listed */
function entriesBelow(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    throw unreachable(folder, error);
  }
}

async function csvRows(path: string): Promise<FeatureRows> {
  const files: string[] = [];
  const labels: number[] = [];
  const folds: number[] = [];
  const seen = new Set<string>();
  await eachCsvRow(path, [], (row, index) => {
    const file = FILE_COLUMNS.map((name) => row[name]).find((text) => text !== undefined);
    if (!file)
      throw new UserError(
        `${path}, row ${index + 1}: expected a path in the column image_files.`,
        "Mend the file.",
      );
    if (seen.has(file)) return;
    seen.add(file);
    files.push(file);
    const label = LABEL_COLUMNS.map((name) => row[name]).find((text) => text !== undefined);
    if (label !== undefined) labels.push(wholeNumber(path, index, "labels", label));
    if (row.fold !== undefined) folds.push(wholeNumber(path, index, "fold", row.fold));
  });
  return { files, ...(labels.length > 0 ? { labels } : {}), ...(folds.length > 0 ? { folds } : {}) };
}

function wholeNumber(path: string, index: number, column: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UserError(
    `${path}, row ${index + 1}: the column "${column}" must be a whole number from 0, it is "${text}".`,
    "Mend the file.",
  );
}

function textLines(path: string): string[] {
  const text = readFileSync(path, "utf8");
  if (/[\0\uFFFD]/.test(text)) {
    throw new UserError(
      `Expected a list of images in ${path}, a path a line: it is no text.`,
      "Name a folder, a CSV, an image, or a text file in UTF-8.",
    );
  }
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
