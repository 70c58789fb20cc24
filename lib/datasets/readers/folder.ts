import { isUtf8 } from "node:buffer";
import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../common/errors";
import { unreachable } from "../../common/file_faults";
import { byCodeUnit } from "../../common/files";
import { ARCHIVE_NAME, FOREIGN_ARCHIVE_NAME } from "../archives/entry";

/** What lies in a folder, each list sorted by code unit. */
export interface FolderContent {
  folders: string[];
  images: string[];
  /** Files and folders that are known to lie beside images and mean nothing here. */
  harmless: number;
}

const IMAGE = /\.(jpe?g|png|bmp|webp|gif|tiff?)$/i;
// Droppings of file managers, archives and notebooks, and the notes that data sets carry beside their images.
const HARMLESS =
  /^(\..*|Thumbs\.db|desktop\.ini|__MACOSX|@eaDir|README|LICENSE|.*\.(txt|md|csv|json|xml|html?|pdf))$/i;

/**
 * Lists a folder of a raw data set. Symbolic links count as what they point to.
 * @param options.archives true where archives may lie, as in the raw folder itself
 * @throws UserError for a file that is neither an image nor known to be harmless, and for a name that is not UTF-8;
 * UnreachableFile where the world keeps the folder from being listed
 */
export function listFolder(path: string, { archives = false } = {}): FolderContent {
  const content: FolderContent = { folders: [], images: [], harmless: 0 };
  for (const entry of entriesOf(path)) {
    if (entry.name.includes("\uFFFD")) checkUtf8(path);
    if (HARMLESS.test(entry.name) || (archives && isArchive(entry.name))) content.harmless++;
    else if (isFolder(path, entry)) content.folders.push(entry.name);
    else if (IMAGE.test(entry.name)) content.images.push(entry.name);
    else throw unknownFile(join(path, entry.name));
  }
  content.folders.sort(byCodeUnit);
  content.images.sort(byCodeUnit);
  return content;
}

function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    throw unreachable(path, error);
  }
}

function isArchive(name: string): boolean {
  return ARCHIVE_NAME.test(name) || FOREIGN_ARCHIVE_NAME.test(name);
}

function isFolder(path: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return statSync(join(path, entry.name), { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Node shows bytes that are not UTF-8 as U+FFFD: such a file could not be opened, nor written into a CSV. */
function checkUtf8(path: string): void {
  for (const name of readdirSync(path, "buffer")) {
    if (isUtf8(name)) continue;
    const shown = JSON.stringify(name.toString("latin1"));
    throw new UserError(
      `A name in ${path} is not UTF-8: read as latin-1 it is ${shown}.`,
      `Rename it, or all of them: convmv -r --notest -f latin1 -t utf8 ${path} (-f gbk for Chinese names).`,
    );
  }
}

function unknownFile(path: string): UserError {
  return new UserError(
    `Expected images (jpg, png, bmp, webp, gif, tiff) or notes (txt, csv, json, ...): ${path} is neither.`,
    "Take the file out of the data set's folder, or unpack it if it is an archive.",
  );
}
