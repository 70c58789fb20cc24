// Opens a pack for reading: the place of every image in its tars. Shapes: E images of the pack, N files of a table.
import { existsSync } from "node:fs";
import { eachCsvRow, wholeNumberCell } from "../common/csv/csv";
import { UserError } from "../common/errors";
import type { Texts } from "../common/texts";
import {
  INDEX_COLUMNS,
  type PackPlace,
  packAnew,
  packFolder,
  readPackSummary,
  tarCount,
  tarPath,
} from "./pack_folder";

/** The images of a pack by their number, in the order of tars and of members within them. */
export interface OpenPack {
  /** Absolute paths of the tars. */
  tars: readonly string[];
  /** Tar of each image, [E]. */
  tarOf: Int32Array;
  /** Offset of each image's bytes in its tar, [E]. */
  offsets: Float64Array;
  /** Number of bytes of each image, [E]. */
  lengths: Int32Array;
}

/** A pack with the images of a table in it. */
export interface OpenedPack {
  pack: OpenPack;
  /** The number of each file's image, [N]. */
  images: Int32Array;
}

/**
 * Opens the pack of a table, and finds files in it.
 * @param files paths below the data directory; repeated ones follow each other
 * @throws UserError if there is no pack, if it is not finished, or if it lacks a file
 */
export async function openPack(place: PackPlace, files: Texts): Promise<OpenedPack> {
  const folder = packFolder(place);
  const next = `npx guie pack --data-dir ${place.dataDir}`;
  const summary = readPackSummary(folder);
  if (!summary) throw new UserError(`Expected a pack of ${place.csv} at ${folder}: there is none.`, next);
  const numbers = Array.from({ length: tarCount(summary) }, (_, number) => number);
  const missing = numbers.filter((number) => !existsSync(tarPath(folder, number)));
  if (missing.length > 0) {
    throw new UserError(
      `${folder} is not finished: ${missing.length} of ${numbers.length} tars are missing, the first is ${tarPath(folder, missing[0]!)}.`,
      `${next} goes on with it`,
    );
  }
  const { numberOf, ...places } = await readIndex(folder, numbers, summary.images);
  const images = imagesOf(files, numberOf, folder, place.dataDir);
  return { pack: { ...places, tars: numbers.map((number) => tarPath(folder, number)) }, images };
}

async function readIndex(
  folder: string,
  tars: readonly number[],
  total: number,
): Promise<Omit<OpenPack, "tars"> & { numberOf: Map<string, number> }> {
  const tarOf = new Int32Array(total);
  const offsets = new Float64Array(total);
  const lengths = new Int32Array(total);
  const numberOf = new Map<string, number>();
  for (const tar of tars) {
    const path = tarPath(folder, tar, "csv");
    const next = `It belongs to ${tarPath(folder, tar)}: delete both and run guie pack again.`;
    await eachCsvRow(
      path,
      INDEX_COLUMNS,
      (row, i) => {
        const cell = (name: (typeof INDEX_COLUMNS)[number]) =>
          wholeNumberCell(row[name]!, `${path}, row ${i + 1}: the column "${name}"`, next);
        const number = numberOf.size;
        tarOf[number] = tar;
        offsets[number] = cell("offset");
        lengths[number] = cell("length");
        numberOf.set(row.image_files!, number);
      },
      next,
    );
  }
  if (numberOf.size === total) return { tarOf, offsets, lengths, numberOf };
  throw new UserError(
    `${folder} has ${numberOf.size} images in the indices of its tars; its pack.json says ${total}.`,
    `Delete ${folder} and run guie pack again.`,
  );
}

function imagesOf(
  files: Texts,
  numberOf: ReadonlyMap<string, number>,
  folder: string,
  dataDir: string,
): Int32Array {
  const images = new Int32Array(files.length);
  const missing: string[] = [];
  let row = 0;
  for (const file of files) {
    const number = numberOf.get(file);
    if (number === undefined) missing.push(file);
    else images[row] = number;
    row++;
  }
  if (missing.length === 0) return images;
  throw new UserError(
    `${folder} lacks ${missing.length} of ${files.length} rows of the table, the first is ${missing[0]}: it was made of another table.`,
    `To make it anew: ${packAnew(folder, dataDir)}`,
  );
}
