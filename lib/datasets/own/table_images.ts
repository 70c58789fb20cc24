// Turns the rows of a table, or of annotations, into images.

import { SeenImages } from "../../common/csv/one_label";
import { UserError } from "../../common/errors";
import type { LeftOut } from "../../common/files/image_folder";
import { sameName } from "../../common/files/unicode_names";
import { checkInterrupt } from "../../common/interrupt";
import { counted } from "../../common/words";
import { presenceIn } from "../readers/presence";
import { type CellPlace, fileOfCell } from "./image_cells";
import type { FoundImage } from "./own_images";
import { shownList } from "./said";
import type { Split } from "./splits";

/** One row: the cell that names the image, its class, its split. */
export interface ImageRowText {
  cell: string;
  className: string;
  split: Split;
  /** Its texts in the further columns. */
  cells?: Readonly<Record<string, string>> | undefined;
}

/** Images of rows. */
export interface RowImages {
  images: FoundImage[];
  leftOut: LeftOut[];
  notes: string[];
}

const ROWS_PER_CHECK = 1000;

/**
 * Finds the files of rows. Rows that repeat an image are counted, rows without a file are left out by name.
 * @param path the table's, for messages
 * @param root absolute path of the folder that holds all images
 * @throws UserError if no row has a file, for an image of two classes, and for a path outside of the root
 */
export async function imagesOfRows(
  path: string,
  rows: readonly ImageRowText[],
  place: CellPlace,
  root: string,
): Promise<RowImages> {
  const images: FoundImage[] = [];
  const leftOut: LeftOut[] = [];
  const seen = new SeenImages(path);
  const isPresent = presenceIn(root);
  let [repeated, empty] = [0, 0];
  let first: string | undefined;
  for (const [i, { cell, className, split, cells }] of rows.entries()) {
    if (i % ROWS_PER_CHECK === 0) await checkInterrupt();
    if (cell.trim() === "") {
      empty++;
      continue;
    }
    const { file, isThere } = fileOfCell(cell, place, root, `${path}, row ${i + 1}`);
    first ??= file;
    if (seen.add(file, sameName(className), i + 1) !== undefined) repeated++;
    else if (isThere && (await isPresent(file))) images.push({ file, className, split, cells });
    else leftOut.push({ file, reason: "named in the table, not on the disk" });
  }
  if (images.length === 0)
    throw new UserError(
      `${path} names ${counted(rows.length, "image")}, none of which is there; the first was expected at ` +
        `${place.base}/${first ?? ""}.`,
      "Name the folder that holds the images as root, or the column (npx guie get-data --root FOLDER --image-column NAME).",
    );
  const notes = [
    ...(repeated > 0
      ? [`${counted(repeated, "row")} ${repeated === 1 ? "repeats" : "repeat"} an image`]
      : []),
    ...(empty > 0 ? [`${counted(empty, "row")} without an image's name`] : []),
  ];
  return { images, leftOut, notes };
}

/** Returns the sentence about a place that is not where the cells say literally; none if it is. */
export function placeNote({ base, ending, isWindows }: CellPlace, bases: readonly string[]): string[] {
  return [
    ...(bases.includes(base) ? [] : [`the images are looked for in ${shownList([base])}`]),
    ...(ending === "" ? [] : [`their names get the ending ${ending}`]),
    ...(isWindows ? ["backslashes are read as slashes"] : []),
  ];
}
