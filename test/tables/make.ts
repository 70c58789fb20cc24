// Makes small data directories of preprocessed tables, and reads the merge's tables.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { writeFile } from "../folders";

/** Returns a data set whose name and folder are `name`. */
export const named = (name: string) => ({ name, folder: name });

/** Writes `<name>_final_224.csv`. */
export function writeDataset(
  dataDir: string,
  name: string,
  rows: readonly (readonly [string, number])[],
): void {
  const lines = rows.map(([file, label]) => `${file},${label}\n`);
  writeFile(join(dataDir, `final_data_224/${name}_final_224.csv`), `image_files,labels\n${lines.join("")}`);
}

/** Makes the rows of a data set with `sizes[k]` images in class k: `<name>/<k>_<i>.jpg`. */
export function rowsOfSizes(name: string, sizes: readonly number[]): [string, number][] {
  return sizes.flatMap((size, k) =>
    Array.from({ length: size }, (_, i): [string, number] => [`${name}/${k}_${i}.jpg`, k]),
  );
}

/** One row of a merged table. */
export interface Row {
  new_image_files: string;
  new_labels: string;
  dataset: string;
  fold: string;
}

/** Reads a table of a data directory. */
export function readRows(dataDir: string, file: string): Row[] {
  return parse(readFileSync(join(dataDir, file)), { columns: true });
}

/** Counts the items by key. */
export function tally<T>(items: readonly T[], key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}

/** The tables of a merge. */
export const FILES = [
  "final_data_224.csv",
  "final_data_224_sample.csv",
  "final_data_224_sample_balance.csv",
  "final_data_224_sample_balance_fold.csv",
  "final_data_224_classes.csv",
] as const;
