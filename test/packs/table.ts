// Makes data directories to pack: a table, and files that begin as a JPEG does.
import { join } from "node:path";
import { writeCsv } from "guie/dist/common/csv/csv";
import { FOLDS_CSV } from "guie/dist/tables/layout";
import { writeFile } from "../folders";

/** A row of a table: path, label, fold. */
export type Row = readonly [file: string, label: number, fold: number];

/** Writes the training table. */
export async function writeTable(dataDir: string, rows: readonly Row[]): Promise<void> {
  await writeCsv(
    join(dataDir, FOLDS_CSV),
    ["new_image_files", "new_labels", "dataset", "fold"],
    rows.map(([file, label, fold]) => [file, label, "set", fold]),
  );
}

/** Returns the bytes of a file that begins as a JPEG does: each has others. */
export function fakeJpeg(number: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length, number % 251);
  bytes.set([0xff, 0xd8, 0xff]);
  bytes.writeUInt32LE(number, 4);
  return bytes;
}

/** Writes a table of `count` images in classes of five, with their files. @returns the files */
export async function makeImages(
  dataDir: string,
  count: number,
  lengthOf = (number: number) => 100 + number,
): Promise<string[]> {
  const files = Array.from({ length: count }, (_, i) => `images/${Math.floor(i / 5)}/image.${i}.jpg`);
  for (const [i, file] of files.entries()) writeFile(join(dataDir, file), fakeJpeg(i, lengthOf(i)));
  await writeTable(
    dataDir,
    files.map((file, i) => [file, Math.floor(i / 5), i % 5]),
  );
  return files;
}
