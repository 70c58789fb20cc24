// Reads a person's own images: a folder, or a table that names them.
import { leftOutText } from "../datasets/own/left_out";
import type { OwnSource } from "../datasets/own/own_images";
import { readOwnImages, sourcePath } from "../datasets/own/read_own_images";
import { Images } from "./images";

/** Reads the images of a source without a word. */
export async function readImages(source: string | OwnSource): Promise<Images> {
  const named = typeof source === "string" ? { source } : source;
  return new Images({ ...(await readOwnImages(named)), source: sourcePath(named.source) });
}

/**
 * Reads images: a folder of class folders, nested ones, train and test folders, a flat folder, a table (CSV, TSV, JSON
 * lines, Parquet), COCO annotations; or a ZIP or tar archive of one of these, which is unpacked into `.cache/unpacked/`.
 * Prints what was recognised; moves and changes nothing.
 * @param source its path, or a path with what is not to be guessed: `{ source, classColumn: "species" }`
 * @throws UserError for a source that is missing, has no images, or cannot be read as asked
 * @example
 * const photos = await images("photos"); show(photos.balance);
 */
export async function images(source: string | OwnSource): Promise<Images> {
  const read = await readImages(source);
  for (const line of [...read.said, leftOutText(read.leftOut)]) if (line !== "") console.log(line);
  return read;
}
