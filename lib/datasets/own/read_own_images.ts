// Reads a person's own photos from any source, and says what was recognised. Changes nothing.
import { statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, extname, join } from "node:path";
import { byCodeUnit } from "../../common/code_units";
import { readLines } from "../../common/csv/table_text";
import { UserError } from "../../common/errors";
import { requireFile } from "../../common/files/files";
import { IMAGE_ENDINGS, type LeftOut } from "../../common/files/image_folder";
import { sameName } from "../../common/files/unicode_names";
import { projectPath } from "../../common/project";
import { shellQuoted } from "../../common/shell";
import { isArchiveName } from "../archives/entry";
import { readAnnotations } from "./annotations";
import { openSource } from "./archive";
import { readFolder } from "./folder";
import { findPlace } from "./image_cells";
import type { FoundImage, FoundImages, OwnImages, OwnSource } from "./own_images";
import { classNotes, heicNote, splitNote, summary } from "./said";
import { TABLE_ENDINGS } from "./table";
import { imagesOfRows } from "./table_images";

const SOURCES =
  "Name a folder of photos, an archive of one (.zip .tar .tar.gz), a table of them (.csv .tsv .jsonl .json .parquet), a text file (.txt) with one path per line, or an image.";

/**
 * Reads a person's photos: a folder (class folders at any depth, train/ and test/ folders, file names by a pattern, a
 * table or COCO annotations inside, or no classes), an archive of one, a table, COCO annotations, a list of paths, or one
 * image. Labels are names: any text. Guesses are said in `said`; nothing but the cache is written.
 * @throws UserError for a source that is missing, without images, or read otherwise than asked; with `labels`, for a
 * source without classes
 */
export async function readOwnImages(source: OwnSource): Promise<OwnImages> {
  const { path, said: opened } = await openSource(sourcePath(source.source));
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  refuseUseless(path, isFolder, source);
  const found = isFolder ? await readFolder(path, source) : await readFile(path, source);
  const images = found.images.map((image) => ({ ...image, className: sameName(image.className) }));
  images.sort((a, b) => byCodeUnit(a.file, b.file));
  const said = [...opened, ...found.notes];
  return finished(sourcePath(source.source), { ...found, notes: said }, images, source.labels === true);
}

/** Returns the absolute path of a source; `~/` is the home folder, also where no shell replaces it. */
export function sourcePath(source: string): string {
  return source === "~" || source.startsWith("~/") ? join(homedir(), source.slice(1)) : projectPath(source);
}

function refuseUseless(path: string, isFolder: boolean, source: OwnSource): void {
  const ofFolders = { "The class level": source.classLevel, "A pattern": source.pattern };
  const ofTables = { "The root": source.root };
  const useless = Object.entries(isFolder ? ofTables : ofFolders).find(([, value]) => value !== undefined);
  if (useless)
    throw new UserError(
      `${useless[0]} is for ${isFolder ? "tables" : "folders"}: ${path} is ${isFolder ? "a folder" : "none"}.`,
      "Leave it out.",
    );
  if (source.classLevel !== undefined && source.pattern !== undefined)
    throw new UserError("Both the class level and the pattern name the class.", "Give one of them.");
  if (source.classLevel !== undefined && !(Number.isInteger(source.classLevel) && source.classLevel >= 1))
    throw new UserError(
      `The class level must be a whole number from 1, it is ${source.classLevel}.`,
      "1 is the first folder below the source.",
    );
}

async function readFile(path: string, source: OwnSource): Promise<FoundImages> {
  requireFile(path, "a folder of photos, or a table of them,", SOURCES);
  const ending = extname(path).toLowerCase();
  if (IMAGE_ENDINGS.includes(ending.slice(1))) return oneImage(path);
  const root = source.root === undefined ? dirname(path) : sourcePath(source.root);
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
    throw new UserError(
      `Expected the images of ${path} in ${root}: there is no such folder.`,
      "Name the folder that holds them all as root (npx guie get-data --root FOLDER).",
    );
  const isTable = TABLE_ENDINGS.includes(ending) || ending === ".json";
  if (!isTable && ending !== ".txt" && ending !== "")
    throw new UserError(
      `${path} is no folder of photos and no table that can be read.`,
      /\.xlsx?$|\.ods$/.test(ending)
        ? "Save it as CSV (UTF-8)."
        : isArchiveName(path)
          ? "Unpack it, and name the folder."
          : SOURCES,
    );
  return isTable ? readAnnotations(path, root, source) : pathList(path, root);
}

function oneImage(path: string): FoundImages {
  const image: FoundImage = { file: basename(path), className: "", split: "" };
  return { folder: dirname(path), layout: "one image", images: [image], leftOut: [], notes: [] };
}

async function pathList(path: string, root: string): Promise<FoundImages> {
  const lines = await readLines(path, SOURCES);
  const place = findPlace(lines, [root]);
  const rows = lines.map((cell) => ({ cell, className: "", split: "" as const }));
  const found = await imagesOfRows(path, rows, place, root);
  return { folder: root, layout: `list of paths ${basename(path)}`, ...found };
}

function finished(
  path: string,
  found: FoundImages,
  all: readonly FoundImage[],
  needsLabels: boolean,
): OwnImages {
  const hasClasses = all.some(({ className }) => className !== "");
  if (needsLabels && !hasClasses) throw noClasses(path, summary(found.layout, all), found);
  const isKept = ({ className }: FoundImage) => !needsLabels || className !== "";
  const images = all.filter(isKept);
  const without: LeftOut[] = all
    .filter((image) => !isKept(image))
    .map(({ file }) => ({ file, reason: "no class" }));
  const leftOut = [...found.leftOut, ...without];
  return {
    folder: found.folder,
    files: images.map(({ file }) => file),
    ...(hasClasses ? { classes: images.map(({ className }) => className) } : {}),
    ...(images.some(({ split }) => split !== "") ? { splits: images.map(({ split }) => split) } : {}),
    ...columnsOf(images),
    leftOut,
    layout: found.layout,
    said: [
      summary(found.layout, images),
      ...splitNote(images),
      ...found.notes,
      ...heicNote(images),
      ...classNotes(images),
    ],
  };
}

/** Returns the further columns of images from tables. */
function columnsOf(images: readonly FoundImage[]): Pick<OwnImages, "columns"> {
  const names = new Set(images.flatMap(({ cells }) => Object.keys(cells ?? {})));
  if (names.size === 0) return {};
  return {
    columns: new Map(
      Array.from(names, (name) => [name, images.map(({ cells }) => cells?.[name] ?? "")] as const),
    ),
  };
}

function noClasses(path: string, what: string, { notes }: FoundImages): UserError {
  const more = notes.length > 0 ? `\n  ${notes.join("\n  ")}` : "";
  return new UserError(
    `${path}: ${what}: nothing says which class an image has.${more}`,
    "Put the photos of each class into a folder of its own; or name a table with a class column; or give a pattern of " +
      `the file names (npx guie get-data --pattern '{class}_{n}.jpg').\n  Without classes: npx guie serve ${shellQuoted(path)} ` +
      `(search), npx guie find QUERY --in ${shellQuoted(path)}, npx guie embed ${shellQuoted(path)} --out features/NAME`,
  );
}
