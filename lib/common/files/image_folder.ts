// What lies in folders of images: the one list of what is taken for an image by its name, and the one way to walk.
import { isUtf8 } from "node:buffer";
import { type Dirent, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { join, sep } from "node:path";
import { byCodeUnit } from "../code_units";
import { UserError } from "../errors";
import { unreachable } from "./file_faults";
import { specialKind } from "./regular_file";

/**
 * Endings of files that people take for images. Whether one can be decoded is told by its bytes: what cannot be read
 * (a PSD, a JPEG XL) is listed with the reason by the step that reads it.
 */
export const IMAGE_ENDINGS =
  "jpg jpeg jpe jfif png bmp webp gif tif tiff avif svg heic heif hif jp2 j2k jxl psd".split(" ");

const IMAGE = new RegExp(`\\.(${IMAGE_ENDINGS.join("|")})$`, "i");
/** What file managers, phones and browsers leave in folders; hidden files. */
const DROPPING =
  /^(\..*|(Thumbs|ehthumbs|ehthumbs_vista)\.db(:.*)?|desktop\.ini|Icon\r|(.*[.:_])?Zone\.Identifier|__MACOSX|@eaDir|\$RECYCLE\.BIN|System Volume Information)$/is;
/** Notes that data sets carry beside their images. */
const NOTE = /^(README|LICENSE|.*\.(txt|md|csv|tsv|json|xml|html?|pdf))$/is;

/** Something in a folder of images that is not taken, and why. */
export interface LeftOut {
  /** Relative to the folder that is walked. */
  file: string;
  reason: string;
}

/** What lies in one folder, each list sorted by code unit. */
export interface FolderContent {
  folders: string[];
  images: string[];
}

/**
 * A walk through a folder and those below it. Symbolic links count as what they point to, but each real folder is read
 * once: a link to a folder that lies inside the walk, above it, or was read before, is left out and told.
 */
export class FolderWalk {
  readonly #root: string;
  readonly #realRoot: string;
  /** Real paths of the folders that are read. */
  readonly #read: Set<string>;
  /** Droppings of file managers, notes: known to mean nothing here. */
  passedOver = 0;
  readonly leftOut: LeftOut[] = [];

  readonly #isArchive: (name: string) => boolean;

  /** @param isArchive tells names that may lie in the topmost folder, and mean nothing here */
  constructor(root: string, isArchive: (name: string) => boolean = () => false) {
    this.#root = root;
    this.#isArchive = isArchive;
    this.#realRoot = realpathSync(root);
    this.#read = new Set([this.#realRoot]);
  }

  /**
   * Lists a folder.
   * @param folder relative to the root, with forward slashes; "" is the root itself
   * @throws UserError for a name that is not UTF-8
   */
  list(folder: string): FolderContent {
    const content: FolderContent = { folders: [], images: [] };
    const path = join(this.#root, folder);
    const entries = entriesOf(path).sort((a, b) => byCodeUnit(a.name, b.name));
    for (const entry of entries) {
      if (entry.name.includes("\uFFFD")) checkUtf8(path);
      const file = folder === "" ? entry.name : `${folder}/${entry.name}`;
      const stats = statsOf(join(path, entry.name));
      const special = stats && specialKind(stats);
      if (DROPPING.test(entry.name)) this.passedOver++;
      else if (!stats) this.leftOut.push({ file, reason: "a link that leads nowhere" });
      else if (special) this.leftOut.push({ file, reason: `${special}, not a file` });
      else if (stats.isDirectory()) this.#addFolder(content, entry, file);
      else this.#addFile(content, entry.name, file);
    }
    return content;
  }

  /**
   * Paths of all images in a folder and below it, depth first, relative to the root.
   * @param whenEmpty is told a folder that holds nothing to take and nothing to tell
   */
  *imagesBelow(folder: string, whenEmpty?: (folder: string) => void): Generator<string> {
    const told = this.leftOut.length;
    const { folders, images } = this.list(folder);
    if (folders.length + images.length === 0 && this.leftOut.length === told) whenEmpty?.(folder);
    const prefix = folder === "" ? "" : `${folder}/`;
    for (const name of images) yield prefix + name;
    for (const name of folders) yield* this.imagesBelow(prefix + name, whenEmpty);
  }

  /** Tells the walk that a folder is read that it did not list. @returns false where it was read before */
  enter(folder: string): boolean {
    const real = realpathSync(join(this.#root, folder));
    if (this.#read.has(real)) return false;
    this.#read.add(real);
    return true;
  }

  #addFile(content: FolderContent, name: string, file: string): void {
    if (IMAGE.test(name)) content.images.push(name);
    else if (NOTE.test(name) || (file === name && this.#isArchive(name))) this.passedOver++;
    else this.leftOut.push({ file, reason: "not an image, by its ending" });
  }

  #addFolder(content: FolderContent, entry: Dirent, file: string): void {
    const real = realpathSync(join(this.#root, file));
    const reason =
      this.#whyNotFollowed(entry, real) ??
      (this.#read.has(real) ? "a folder that was read before" : undefined);
    if (reason !== undefined) {
      this.leftOut.push({ file, reason });
      return;
    }
    this.#read.add(real);
    content.folders.push(entry.name);
  }

  #whyNotFollowed(entry: Dirent, real: string): string | undefined {
    if (!entry.isSymbolicLink()) return undefined;
    if (isWithin(real, this.#realRoot)) return "a link to a folder that is read in its own place";
    return isWithin(this.#realRoot, real) ? "a link to a folder above" : undefined;
  }
}

/** @throws UnreachableFile where the world keeps a folder from being listed */
function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    throw unreachable(path, error);
  }
}

/** Of what a link points to; undefined for nothing, and for links in a circle. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ELOOP") return undefined;
    throw error;
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
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
