// Walks folders of images: the only list of image endings, and the only walk.
import { isUtf8 } from "node:buffer";
import { type Dirent, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { join, sep } from "node:path";
import { byCodeUnit } from "../code_units";
import { UserError } from "../errors";
import { unreachable } from "./file_faults";
import { specialKind } from "./regular_file";

/**
 * Endings of files that people take for images. Only the bytes tell whether one can be decoded: the step that reads
 * the files lists the undecodable ones (a PSD, a JPEG XL) with the reason.
 */
export const IMAGE_ENDINGS =
  "jpg jpeg jpe jfif png bmp webp gif tif tiff avif svg heic heif hif jp2 j2k jxl psd".split(" ");

const IMAGE = new RegExp(`\\.(${IMAGE_ENDINGS.join("|")})$`, "i");

/** Tells whether a path has the ending of an image file. */
export function isImageName(path: string): boolean {
  return IMAGE.test(path);
}

/** Files that file managers, phones and browsers leave in folders; hidden files. */
const CLUTTER =
  /^(\..*|(Thumbs|ehthumbs|ehthumbs_vista)\.db(:.*)?|desktop\.ini|Icon\r|(.*[.:_])?Zone\.Identifier|__MACOSX|@eaDir|\$RECYCLE\.BIN|System Volume Information)$/is;
/** Notes that data sets have next to their images. */
const NOTE = /^(README|LICENSE|.*\.(txt|md|csv|tsv|json|xml|html?|pdf))$/is;

/** The reason for a file that does not have the ending of an image. */
export const NOT_AN_IMAGE = "not an image, by its ending";

/** An entry of a folder of images that the walk does not take, and why. */
export interface LeftOut {
  /** Relative to the root of the walk. */
  file: string;
  reason: string;
}

/** The contents of one folder, each list sorted by code unit. */
export interface FolderContent {
  folders: string[];
  images: string[];
}

/**
 * A walk through a folder and those below it. Symbolic links count as their targets, but each real folder is read once:
 * a link to a folder inside the walk, above it, or read before goes into `leftOut`.
 */
export class FolderWalk {
  readonly #root: string;
  readonly #realRoot: string;
  /** Real paths of the folders that were read. */
  readonly #read: Set<string>;
  /** Number of files without meaning for the walk: clutter of file managers, notes. */
  passedOver = 0;
  /** The notes among them: texts, tables, PDFs. */
  readonly notes: string[] = [];
  readonly leftOut: LeftOut[] = [];

  readonly #isArchive: (name: string) => boolean;

  /** @param isArchive recognises files of the topmost folder to pass over */
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
      if (CLUTTER.test(entry.name)) this.passedOver++;
      else if (!stats) this.leftOut.push({ file, reason: "a link that leads nowhere" });
      else if (special) this.leftOut.push({ file, reason: `${special}, not a file` });
      else if (stats.isDirectory()) this.#addFolder(content, entry, file);
      else this.#addFile(content, entry.name, file);
    }
    return content;
  }

  /**
   * Yields the paths of all images in a folder and below it, depth first, relative to the root.
   * @param whenEmpty called for a folder without images, sub-folders and entries left out
   */
  *imagesBelow(folder: string, whenEmpty?: (folder: string) => void): Generator<string> {
    const told = this.leftOut.length;
    const { folders, images } = this.list(folder);
    if (folders.length + images.length === 0 && this.leftOut.length === told) whenEmpty?.(folder);
    const prefix = folder === "" ? "" : `${folder}/`;
    for (const name of images) yield prefix + name;
    for (const name of folders) yield* this.imagesBelow(prefix + name, whenEmpty);
  }

  /** Notes that a folder was read which the walk did not list. @returns false if it was read before */
  enter(folder: string): boolean {
    const real = realpathSync(join(this.#root, folder));
    if (this.#read.has(real)) return false;
    this.#read.add(real);
    return true;
  }

  #addFile(content: FolderContent, name: string, file: string): void {
    if (isImageName(name)) content.images.push(name);
    else if (NOTE.test(name)) {
      this.passedOver++;
      this.notes.push(file);
    } else if (file === name && this.#isArchive(name)) this.passedOver++;
    else this.leftOut.push({ file, reason: NOT_AN_IMAGE });
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

/** @throws UnreachableFile after a fault of the environment */
function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    throw unreachable(path, error);
  }
}

/** Reads the stats of a link's target; undefined if there is none or the links form a circle. */
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

/** Refuses names that are not UTF-8: Node shows them with U+FFFD, and the file can neither be opened nor listed. */
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
