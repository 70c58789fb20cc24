// The rows of Get_Data's table that Data_preprocessing wants: those of classes that are large enough.
import { join, posix } from "node:path";
import { UserError } from "../common/errors";
import { sameName } from "../common/files/unicode_names";
import type { DataSet } from "../datasets/catalogue";
import { type ImageRow, readImageRows } from "../datasets/rows";
import { type DatasetName, sourceCsv } from "./layout";

/** The parts of a catalogue row that choose rows. */
type Choice = DatasetName & Pick<DataSet, "smallestClass">;

/**
 * Reads a data set's table.
 * @param dataDir absolute
 * @returns all rows, and those of classes with at least `smallestClass` rows, in the table's order
 * @throws UserError for a missing or invalid table, and if no class is large enough
 */
export async function readWantedRows(
  dataDir: string,
  dataset: Choice,
): Promise<{ rows: ImageRow[]; wanted: ImageRow[] }> {
  const rows = await readImageRows(join(dataDir, sourceCsv(dataset)), "npx guie get-data");
  checkSources(rows, dataset);
  const wanted = keepLargeClasses(rows, dataset.smallestClass);
  if (wanted.length === 0) throw noClassLeft(dataset, `all ${countClasses(rows)} classes are smaller`);
  return { rows, wanted };
}

/** Checks the paths of a table. @throws UserError for a path outside of the data directory, or one that occurs twice */
function checkSources(rows: readonly ImageRow[], dataset: DatasetName): void {
  const rowOfSource = new Map<string, number>();
  for (const [index, { imageFile }] of rows.entries()) {
    const source = sameName(posix.normalize(imageFile));
    const where = `${sourceCsv(dataset)}, row ${index + 1}`;
    if (posix.isAbsolute(source) || source === ".." || source.startsWith("../")) {
      throw new UserError(
        `${where}: "${imageFile}" is outside the data directory.`,
        "Paths are relative to the data directory: move the images below it and write the table again.",
      );
    }
    const earlier = rowOfSource.get(source);
    if (earlier !== undefined) {
      const next = "Keep one of the two rows: an image has one class.";
      throw new UserError(`${where}: "${imageFile}" is already in row ${earlier + 1}.`, next);
    }
    rowOfSource.set(source, index);
  }
}

/** Returns the rows of classes with at least `smallestClass` rows, in their order. */
export function keepLargeClasses<Row extends ImageRow>(rows: readonly Row[], smallestClass: number): Row[] {
  const sizes = new Map<number, number>();
  for (const { label } of rows) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  return rows.filter(({ label }) => sizes.get(label)! >= smallestClass);
}

/** Counts the different labels. */
export function countClasses(rows: readonly ImageRow[]): number {
  return new Set(rows.map((row) => row.label)).size;
}

/** Returns the error of a data set without a class that is large enough. @param why the reason, in words */
export function noClassLeft({ name, smallestClass }: Choice, why: string): UserError {
  return new UserError(
    `${name}: no class with at least ${smallestClass} images is left: ${why}.`,
    "Look at its table and its raw images, or lower `smallestClass`.",
  );
}
