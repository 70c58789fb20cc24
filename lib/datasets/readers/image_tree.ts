// Reads classes from folder and file names by a pattern.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../common/errors";
import { FolderWalk } from "../../common/files/image_folder";
import { hasForms, sameName } from "../../common/files/unicode_names";
import { checkInterrupt } from "../../common/interrupt";
import { isArchiveName } from "../archives/entry";
import { emptyReading, type LabelledImage, type Reader } from "./reader";

/** A data set that encodes its classes in folder and file names. */
export interface ImageTreeLayout {
  /** The folders to read, relative to the data set's folder; all must exist. "" is the data set's folder itself. */
  tops: readonly string[];
  /** Matches the path of every image, relative to the data set's folder; its first group is the class. */
  pattern: RegExp;
  /** The pattern in readable form, for messages. */
  layout: string;
  /** Maps all spellings of a class to one key. */
  classKey?: (text: string) => string;
}

/** Returns a reader for class folders at any depth, and for classes in file names. */
export function imageTree(tree: ImageTreeLayout): Reader {
  return async (folder, report) => {
    const { images, skipped } = emptyReading();
    const walk = new FolderWalk(folder, isArchiveName);
    const isFirst = firstOfForms();
    const refuseEmpty = (name: string) => {
      throw emptyFolder(join(folder, name));
    };
    const branches = tree.tops.flatMap((top) => openTop(walk, folder, top, tree));
    for (const [index, branch] of branches.entries()) {
      await checkInterrupt();
      for (const file of walk.imagesBelow(branch, refuseEmpty)) {
        if (isFirst(file)) images.push(label(file, tree));
        else walk.leftOut.push({ file, reason: "its name came before, in another form of Unicode" });
      }
      report(index + 1, branches.length, "folders");
    }
    return { images, skipped: { ...skipped, harmlessFiles: walk.passedOver }, leftOut: walk.leftOut };
  };
}

/** Returns a function that tells whether a name is new; a name in another Unicode form counts as the same. */
function firstOfForms(): (file: string) => boolean {
  const seen = new Set<string>();
  return (file) => !hasForms(file) || seen.size < seen.add(sameName(file)).size;
}

/** Returns the sub-folders of a top folder, the units in which it is read and progress is reported. */
function openTop(walk: FolderWalk, folder: string, top: string, tree: ImageTreeLayout): string[] {
  const path = join(folder, top);
  if (!existsSync(path)) {
    throw new UserError(
      `Expected the folder ${path}: there is none.`,
      `Unpack the whole data set there, so that it holds ${tree.layout}.`,
    );
  }
  if (top !== "" && !walk.enter(top)) {
    walk.leftOut.push({ file: top, reason: "a folder that was read before" });
    return [];
  }
  const { folders, images } = walk.list(top);
  if (images.length > 0) throw misplaced(joinPath(top, images[0]!), tree.layout);
  if (folders.length === 0) throw emptyFolder(path);
  return folders.map((name) => joinPath(top, name));
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
