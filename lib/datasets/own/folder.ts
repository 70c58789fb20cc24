// Reads a folder of photos: annotations in it, a pattern of names, class folders, or no classes.

import { dirname } from "node:path";
import { byCodeUnit } from "../../common/code_units";
import { UserError } from "../../common/errors";
import { FolderWalk, IMAGE_ENDINGS, NOT_AN_IMAGE } from "../../common/files/image_folder";
import { hasForms, sameName } from "../../common/files/unicode_names";
import { checkInterrupt } from "../../common/interrupt";
import { counted } from "../../common/words";
import { annotationsIn, readAnnotated } from "./annotations";
import { classesByFolder } from "./folder_classes";
import { byKind } from "./left_out";
import { classByPattern } from "./name_pattern";
import type { FoundImage, FoundImages, OwnSource } from "./own_images";
import { shownList } from "./said";
import { TABLE_ENDINGS } from "./table";

/** A folder as a walk finds it. */
interface Walked {
  folder: string;
  /** Images, sorted by code unit. */
  files: string[];
  walk: FolderWalk;
  /** Folders that hold nothing. */
  empty: string[];
}

const FILES_PER_CHECK = 1000;

/**
 * Reads a folder.
 * @param folder absolute
 * @throws UserError for a folder without images, a pattern or level that fits none, or columns without a table
 */
export async function readFolder(folder: string, source: OwnSource): Promise<FoundImages> {
  const walked = await walkFolder(folder);
  if (walked.files.length === 0) throw noImages(folder, walked);
  const { found, used } = await readWalked(walked, source);
  const images = new Set(found.images.map(({ file }) => file));
  const notes = walked.walk.notes.map((file) => ({ file, reason: NOT_AN_IMAGE }));
  const others = [...walked.walk.leftOut, ...notes].filter(({ file }) => !used.includes(file));
  const leftOut = byKind([...others.sort((a, b) => byCodeUnit(a.file, b.file)), ...found.leftOut]);
  const empty =
    walked.empty.length === 0
      ? []
      : [`${counted(walked.empty.length, "folder")} without images: ${shownList(walked.empty)}`];
  return {
    ...found,
    leftOut: leftOut.filter(({ file }) => !images.has(file)),
    notes: [...found.notes, ...empty],
  };
}

async function walkFolder(folder: string): Promise<Walked> {
  const walk = new FolderWalk(folder);
  const [files, empty] = [[] as string[], [] as string[]];
  const forms = new Set<string>();
  let count = 0;
  for (const file of walk.imagesBelow("", (name) => empty.push(name))) {
    if (count++ % FILES_PER_CHECK === 0) await checkInterrupt();
    const isNew = !hasForms(file) || forms.size < forms.add(sameName(file)).size;
    if (isNew) files.push(file);
    else walk.leftOut.push({ file, reason: "its name came before, in another form of Unicode" });
  }
  return { folder, files: files.sort(byCodeUnit), walk, empty };
}

/** Returns the images, and the tables that were read for them. */
async function readWalked(
  { folder, files, walk }: Walked,
  source: OwnSource,
): Promise<{ found: FoundImages; used: string[] }> {
  const hasColumns = [source.imageColumn, source.classColumn, source.splitColumn].some(Boolean);
  if (source.pattern !== undefined) return { found: byPattern(folder, files, source.pattern), used: [] };
  const unused: string[] = [];
  /** Reads tables that nobody has named; one that does not fit is said, and not used. */
  const tryAnnotated = async (names: readonly string[]): Promise<FoundImages | undefined> => {
    if (names.length === 0) return undefined;
    return readAnnotated(folder, names, files, source).catch((error) => {
      if (hasColumns || !(error instanceof UserError)) throw error;
      unused.push(`${shownList(names)} not used: ${error.message.split("\n")[0]}`);
      return undefined;
    });
  };
  const others = [...walk.notes, ...walk.leftOut.map(({ file }) => file)];
  if (source.classLevel === undefined) {
    const annotations = annotationsIn(folder, others);
    const found = await tryAnnotated(annotations);
    if (found) return { found, used: annotations };
  }
  const byFolder = classesOf(folder, files, source.classLevel);
  const tables = others.filter(
    (file) => !file.includes("/") && TABLE_ENDINGS.some((ending) => file.toLowerCase().endsWith(ending)),
  );
  const isFlat = byFolder.images.every(({ className }) => className === "");
  if (isFlat && tables.length === 1 && source.classLevel === undefined) {
    const found = await tryAnnotated(tables);
    if (found) return { found, used: tables };
  }
  if (isFlat && tables.length > 1)
    byFolder.notes.push(
      `tables that may name classes: ${shownList(tables)}; name one of them as the source to use it`,
    );
  if (hasColumns)
    throw new UserError(
      `${folder}: columns are named, but its images are read as ${byFolder.layout}, without a table.`,
      "Name the table itself as the source, or leave the columns out.",
    );
  return { found: { ...byFolder, notes: [...byFolder.notes, ...unused] }, used: [] };
}

function byPattern(folder: string, files: readonly string[], pattern: string): FoundImages {
  const classOf = classByPattern(pattern);
  const images: FoundImage[] = [];
  const leftOut: FoundImages["leftOut"] = [];
  for (const file of files) {
    const named = classOf(file);
    if (named) images.push({ file, ...named });
    else leftOut.push({ file, reason: `its name does not fit ${pattern}` });
  }
  if (images.length > 0) return { folder, layout: `file names ${pattern}`, images, leftOut, notes: [] };
  throw new UserError(
    `${folder}: no image's name fits the pattern ${JSON.stringify(pattern)}; there are: ${shownList(files)}.`,
    "Mend the pattern: {class} is the class, {n} digits, {any} any text, everything else stands for itself.",
  );
}

function classesOf(folder: string, files: readonly string[], classLevel: number | undefined): FoundImages {
  const folderOf = (file: string) => (file.includes("/") ? dirname(file) : "");
  const folders = [...new Set(files.map(folderOf))];
  const { layout, ofFolder, hasClasses, notes } = classesByFolder(folders, classLevel);
  if (classLevel !== undefined && !hasClasses)
    throw new UserError(
      `${folder}: no image lies ${counted(classLevel, "folder")} deep (folders of splits do not count), the deepest is ${shownList(folders.slice(-1))}.`,
      "Choose a smaller class level (classLevel, or npx guie get-data --class-level N).",
    );
  const images = files.map((file) => ({ file, ...ofFolder.get(folderOf(file))! }));
  return { folder, layout, images, leftOut: [], notes };
}

function noImages(folder: string, { walk }: Walked): UserError {
  const there = [...walk.notes, ...walk.leftOut.map(({ file }) => file)];
  return new UserError(
    `${folder} holds no images${there.length > 0 ? `; it holds: ${shownList(there)}` : ""}.`,
    `Image files are recognised by their endings: ${IMAGE_ENDINGS.map((ending) => `.${ending}`).join(" ")}.`,
  );
}
