// Reads tables of images and COCO annotations, and finds those that lie in a folder of photos.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { UserError } from "../../common/errors";
import { sameName } from "../../common/files/unicode_names";
import { counted } from "../../common/words";
import { readCocoFile } from "../readers/coco_file";
import { refuseForeign } from "./foreign_annotations";
import { findPlace } from "./image_cells";
import type { FoundImages, OwnSource } from "./own_images";
import { type Split, splitOf } from "./splits";
import { readJsonList, readTable, type Table } from "./table";
import { chooseColumns } from "./table_columns";
import { type ImageRowText, imagesOfRows, placeNote } from "./table_images";

/** The columns of a table as a person names them. */
export type ColumnNames = Pick<OwnSource, "imageColumn" | "classColumn" | "splitColumn">;

/** The name of a table that belongs to the images of its folder, as on the Hugging Face hub. */
const METADATA = /^metadata\.(csv|jsonl|parquet)$/i;
/** Tables that are text. */
const TEXT_ENDINGS: readonly string[] = [".csv", ".tsv"];
const COCO_DEPTH = 2;
const HEAD_BYTES = 1 << 16;

/**
 * Reads a table of images, a JSON list of objects, or COCO annotations.
 * @param path absolute
 * @param root absolute path of the folder that holds all images
 * @throws UserError as `chooseColumns` and `imagesOfRows`
 */
export async function readAnnotations(
  path: string,
  root: string,
  columns: ColumnNames,
): Promise<FoundImages> {
  const ending = extname(path).toLowerCase();
  if (ending !== ".json") {
    if (TEXT_ENDINGS.includes(ending)) refuseForeign(path, endsOf(path).join(""));
    return imagesOfTable(await readTable(path), root, columns);
  }
  if (isCoco(path)) return imagesOfCoco(path, root);
  refuseForeign(path, endsOf(path).join(""));
  const table = readJsonList(path);
  if (table) return imagesOfTable(table, root, columns);
  throw new UserError(
    `${path} is neither COCO annotations nor a list of objects.`,
    "COCO has the lists images, annotations and categories. Other formats: write a CSV with the columns file,class.",
  );
}

async function imagesOfTable(table: Table, root: string, wanted: ColumnNames): Promise<FoundImages> {
  const { path, rows } = table;
  const columns = chooseColumns(table, wanted, basesOf(path, root));
  const used: (string | undefined)[] = [columns.image, columns.class, columns.split];
  const further = table.columns.filter((name) => !used.includes(name));
  const cellsOf = (row: Table["rows"][number]) =>
    further.length === 0 ? undefined : Object.fromEntries(further.map((name) => [name, row[name]!]));
  const texts = rows.map(
    (row): ImageRowText => ({
      cell: row[columns.image]!,
      className: columns.class === undefined ? "" : row[columns.class]!,
      split: columns.split === undefined ? "" : (splitOf(row[columns.split]!) ?? ""),
      cells: cellsOf(row),
    }),
  );
  const { notes, ...found } = await imagesOfRows(path, texts, columns.place, root);
  return {
    folder: root,
    layout: `table ${basename(path)}`,
    ...found,
    notes: [...columns.notes, ...placeNote(columns.place, basesOf(path, root)), ...notes],
  };
}

async function imagesOfCoco(path: string, root: string): Promise<FoundImages> {
  const { images, categoryNames, firstCategory, ofSeveral } = await readCocoFile(path, () => {});
  const place = findPlace(
    images.map(({ fileName }) => fileName),
    basesOf(path, root),
  );
  const split = splitOfName(basename(path));
  const texts = images.map(({ id, fileName }): ImageRowText => {
    const category = firstCategory.get(id);
    const className = category === undefined ? "" : categoryNames.get(category);
    if (className !== undefined) return { cell: fileName, className, split };
    throw new UserError(
      `${path}: ${fileName} has the category ${category}, which the list "categories" does not name.`,
      "Export the annotations again; the file is incomplete.",
    );
  });
  const { notes, ...found } = await imagesOfRows(path, texts, place, root);
  const several =
    ofSeveral.size === 0
      ? []
      : [`${counted(ofSeveral.size, "image")} with several categories: the first annotation is the class`];
  return {
    folder: root,
    layout: `COCO annotations ${basename(path)}`,
    ...found,
    notes: [...several, ...placeNote(place, basesOf(path, root)), ...notes],
  };
}

/** Returns the folders in which a table's images may be: the root, and the table's own folder. */
function basesOf(path: string, root: string): string[] {
  return [...new Set([root, dirname(path)])];
}

/** Returns the split in a file's name: instances_train2017.json. */
function splitOfName(name: string): Split {
  for (const word of name.split(/[^a-zA-Z]+/)) {
    const split = splitOf(word);
    if (split !== undefined) return split;
  }
  return "";
}

/** Tells whether a JSON file is COCO annotations, by its beginning and end: it may have hundreds of megabytes. */
function isCoco(path: string): boolean {
  const text = endsOf(path);
  const has = (list: string) => text.some((part) => part.includes(`"${list}"`));
  return !text[0]!.trimStart().startsWith("[") && has("images") && (has("categories") || has("annotations"));
}

/** Returns the beginning and the end of a file, which may overlap, as Latin-1 text. */
function endsOf(path: string): [string, string] {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const part = (start: number) => {
      const bytes = Buffer.alloc(HEAD_BYTES);
      return bytes.toString("latin1", 0, readSync(file, bytes, 0, HEAD_BYTES, start));
    };
    return [part(0), part(Math.max(0, size - HEAD_BYTES))];
  } finally {
    closeSync(file);
  }
}

/** Returns the tables and annotations that describe a folder's images, of the files in it. */
export function annotationsIn(folder: string, files: readonly string[]): string[] {
  const metadata = files.filter(
    (file) => METADATA.test(basename(file)) && file.split("/").length <= COCO_DEPTH,
  );
  if (metadata.length > 0) return metadata;
  return files.filter(
    (file) =>
      file.toLowerCase().endsWith(".json") &&
      file.split("/").length <= COCO_DEPTH &&
      isCoco(join(folder, file)),
  );
}

/**
 * Reads the tables and annotations that `annotationsIn` has found as one source. Images that they do not name have no
 * class; they are left out if every image needs one.
 * @param images the images on the disk, relative to the folder
 * @throws UserError if two of them name one image
 */
export async function readAnnotated(
  folder: string,
  annotations: readonly string[],
  images: readonly string[],
  columns: ColumnNames & Pick<OwnSource, "labels">,
): Promise<FoundImages> {
  const all: FoundImages = { folder, layout: "", images: [], leftOut: [], notes: [] };
  const by = new Map<string, string>();
  for (const file of annotations) {
    const found = await readAnnotations(join(folder, file), folder, columns);
    const inFolder = splitOf(file.split("/")[0]!) ?? "";
    for (const image of found.images) {
      const before = by.get(sameName(image.file));
      if (before !== undefined)
        throw new UserError(
          `${join(folder, image.file)} is in ${before} and in ${file}: an image has one class.`,
          `Name one of the two as the source, and the folder of its images as root (npx guie get-data --root ${folder}).`,
        );
      by.set(sameName(image.file), file);
      all.images.push({ ...image, split: image.split || inFolder });
    }
    all.leftOut.push(...found.leftOut);
    all.notes.push(...found.notes);
    all.layout ||= found.layout;
  }
  const others = images.filter((file) => !by.has(sameName(file)));
  if (columns.labels)
    all.leftOut.push(...others.map((file) => ({ file, reason: `not named in ${annotations.join(", ")}` })));
  else all.images.push(...others.map((file) => ({ file, className: "", split: "" as const })));
  if (annotations.length > 1) all.layout += ` and ${counted(annotations.length - 1, "other")}`;
  return { ...all, notes: [...new Set(all.notes)] };
}
