// CSV files of small pipelines: a drawn demo through Get_Data and Data_preprocessing, and merges of classes with 1 to
// 103 images.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findDataSet } from "guie/dist/datasets/catalogue";
import { drawDemo } from "guie/dist/datasets/demo/draw";
import { DEMO_DATASETS } from "guie/dist/datasets/demo/groups";
import { getData } from "guie/dist/datasets/get_data";
import { preprocessDataset } from "guie/dist/preprocessing/preprocess";
import { mergeTables } from "guie/dist/tables/merge_tables";
import { named, rowsOfSizes, writeDataset } from "../tables/make";

const SEED = 999;

/** Sizes of the classes in the data sets of a merge, chosen so that each step has work. */
const SIZES = { first: [1, 3, 7, 19, 103], second: [20, 5, 21, 12, 2, 6] };

/** Draws two classes per group, reads and resizes them. */
export async function runDemo(dataDir: string): Promise<void> {
  await drawDemo({ dataDir, seed: SEED, classesPerGroup: 2 });
  for (const name of DEMO_DATASETS) {
    await getData(dataDir, name);
    await preprocessDataset({ dataDir, dataset: findDataSet(name) });
  }
}

/** Merges two data sets, leak-free or as the original does, with or without held-out classes. */
export async function runMerge(
  dataDir: string,
  options: { foldMode?: "as-published"; holdOut?: number },
): Promise<void> {
  for (const [name, sizes] of Object.entries(SIZES)) writeDataset(dataDir, name, rowsOfSizes(name, sizes));
  await mergeTables({ dataDir, datasets: Object.keys(SIZES).map(named), seed: SEED, ...options });
}

/** The pinned pipelines, by the name of their folder. */
export const PIPELINES: Readonly<Record<string, (dataDir: string) => Promise<void>>> = {
  demo: runDemo,
  merge: (dataDir) => runMerge(dataDir, {}),
  merge_as_published: (dataDir) => runMerge(dataDir, { foldMode: "as-published" }),
  merge_hold_out: (dataDir) => runMerge(dataDir, { holdOut: 0.3 }),
};

/** Reads every CSV below a folder. @returns path below it -> text, sorted */
export function readTables(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".csv"))
    .sort();
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
}
