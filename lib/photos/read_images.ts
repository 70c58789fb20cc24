// Reads a person's own images: a folder, or a table that names them.
import { rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { makeFolder, requireFile } from "../common/files/files";
import { fileFingerprint } from "../common/files/fingerprint";
import { cacheFolder } from "../common/files/kept_folder";
import { shownProgress } from "../common/progress";
import { ARCHIVE_NAME } from "../datasets/archives/entry";
import { unpackArchive } from "../datasets/archives/unpack";
import type { OwnSource } from "../datasets/own/own_images";
import { readOwnImages, sourcePath } from "../datasets/own/read_own_images";
import { Images } from "./images";

/** Reads the images of a source without a word. */
export async function readImages(source: string | OwnSource): Promise<Images> {
  const named = typeof source === "string" ? { source } : source;
  const path = sourcePath(named.source);
  const given = ARCHIVE_NAME.test(basename(path)) ? { ...named, source: await unpacked(path) } : named;
  return new Images({ ...(await readOwnImages(given)), source: sourcePath(given.source) });
}

/**
 * Reads images: a folder of class folders, nested ones, train and test folders, a flat folder, a table (CSV, TSV, JSON
 * lines, Parquet), COCO annotations; or a ZIP or tar archive of one of these, which is unpacked into `.cache/unpacked/`. Prints what was recognised; moves and changes nothing.
 * @param source its path, or a path with what is not to be guessed: `{ source, classColumn: "species" }`
 * @throws UserError for a source that is missing, has no images, or cannot be read as asked
 * @example
 * const photos = await images("photos"); show(photos.balance);
 */
export async function images(source: string | OwnSource): Promise<Images> {
  const read = await readImages(source);
  for (const line of read.said) console.log(line);
  return read;
}

const FINGERPRINT_LENGTH = 12;

/** Unpacks an archive apart from itself, once for its content. @returns the folder of what was in it */
async function unpacked(archive: string): Promise<string> {
  requireFile(archive, "an archive of photos", "Look at its path.");
  const name = basename(archive);
  const key = fileFingerprint(archive).slice(0, FINGERPRINT_LENGTH);
  const folder = join(cacheFolder(), "unpacked", `${name}-${key}`);
  const link = `.${name}`; // hidden, so that it is not among the photos
  makeFolder(folder);
  rmSync(join(folder, link), { force: true });
  symlinkSync(archive, join(folder, link));
  await unpackArchive(folder, link, { onProgress: shownProgress() });
  return folder;
}
