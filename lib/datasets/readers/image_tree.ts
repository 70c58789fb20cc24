import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../common/errors";
import { breathe } from "../../common/interrupt";
import { listFolder } from "./folder";
import { type LabelledImage, nothingSkipped, type Reader, type SkippedCounts } from "./reader";

/** A data set whose classes stand in its folder and file names. */
export interface ImageTreeLayout {
  /** The folders to read, relative to the data set's; all must be there. "" is the data set's folder itself. */
  tops: readonly string[];
  /** Matches the path of every image, relative to the data set's folder; its first group is the class. */
  pattern: RegExp;
  /** The pattern as people read it, for messages. */
  layout: string;
  /** Turns spellings of one class into one key. */
  classKey?: (text: string) => string;
}

/** A reader for class folders in any depth, and for classes in file names. */
export function imageTree(tree: ImageTreeLayout): Reader {
  return async (folder, report) => {
    const reading = { images: [] as LabelledImage[], skipped: nothingSkipped() };
    const branches = tree.tops.flatMap((top) => openTop(folder, top, tree, reading.skipped));
    for (const [index, branch] of branches.entries()) {
      await breathe();
      for (const file of imagesBelow(folder, branch, reading.skipped)) reading.images.push(label(file, tree));
      report(index + 1, branches.length, "folders");
    }
    return reading;
  };
}

/** The sub-folders of a top folder: the pieces in which it is read, so that progress can be told. */
function openTop(folder: string, top: string, tree: ImageTreeLayout, skipped: SkippedCounts): string[] {
  const path = join(folder, top);
  if (!existsSync(path)) {
    throw new UserError(
      `Expected the folder ${path}: there is none.`,
      `Unpack the whole data set there, so that it holds ${tree.layout}.`,
    );
  }
  const { folders, images, harmless } = listFolder(path, { archives: top === "" });
  skipped.harmlessFiles += harmless;
  if (images.length > 0) throw misplaced(joinPath(top, images[0]!), tree.layout);
  if (folders.length === 0) throw emptyFolder(path);
  return folders.map((name) => joinPath(top, name));
}

/** Paths of all images below a folder, depth first, in sorted order. */
function* imagesBelow(folder: string, branch: string, skipped: SkippedCounts): Generator<string> {
  const { folders, images, harmless } = listFolder(join(folder, branch));
  skipped.harmlessFiles += harmless;
  if (folders.length === 0 && images.length === 0) throw emptyFolder(join(folder, branch));
  for (const name of images) yield joinPath(branch, name);
  for (const name of folders) yield* imagesBelow(folder, joinPath(branch, name), skipped);
}

function label(file: string, { pattern, layout, classKey }: ImageTreeLayout): LabelledImage {
  const text = pattern.exec(file)?.[1];
  if (text === undefined) throw misplaced(file, layout);
  return { file, classKey: classKey ? classKey(text) : text };
}

function joinPath(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

function misplaced(file: string, layout: string): UserError {
  return new UserError(
    `Expected images at ${layout}: ${file} lies elsewhere, its class cannot be read.`,
    "Move the file to its place, or take it out of the data set's folder.",
  );
}

function emptyFolder(path: string): UserError {
  return new UserError(
    `Expected images in the folder ${path}: it is empty.`,
    "Unpack the data set again if files are missing, or remove the empty folder.",
  );
}
