// Data_Merge: merge, sample, resample, folds; five CSV files.
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../common/errors";
import { temporaryPath } from "../common/files";
import type { OnProgress } from "../common/progress";
import { projectPath } from "../common/project";
import type { DatasetName } from "../images/layout";
import { type Database, sqlText, withDatabase } from "./database";
import { assignFolds } from "./folds";
import { BALANCED_CSV, CLASSES_CSV, FOLDS_CSV, MERGED_CSV, SAMPLED_CSV } from "./layout";
import { mergeDatasets } from "./merge";
import { repeatSmallClasses } from "./resample";
import { sampleClasses } from "./sample";

/**
 * "leak-free": folds are drawn over distinct images and all copies of an image carry its fold, so that no image is
 * on both sides whichever fold validates. "as-published": folds are drawn over the rows after small classes were
 * repeated, as the original does, so that copies of one image stand in training and in validation.
 */
export type FoldMode = "leak-free" | "as-published";

/** What to merge, and how; numbers default to the original's. */
export interface MergeOptions {
  dataDir: string;
  /** In merge order. */
  datasets: readonly DatasetName[];
  /** A larger class is sampled down to this many rows: 100. */
  maxPerClass?: number;
  /** A smaller class is repeated up to this many rows: 20. */
  minPerClass?: number;
  /** Number of folds: 20. */
  folds?: number;
  /** 999. */
  seed?: number;
  /** "leak-free" unless told. */
  foldMode?: FoldMode;
  /** CPU threads; the result does not depend on it. */
  threads?: number;
  onProgress?: OnProgress;
}

/** One of the tables that were written. */
export interface TableCounts {
  file: string;
  rows: number;
  /** Distinct images: fewer than rows where small classes were repeated. */
  images: number;
  classes: number;
}

/** What goes into which file, in which columns. Every table stands in its file's order. */
const OUTPUTS = [
  { file: MERGED_CSV, table: "merged", columns: "*" },
  { file: SAMPLED_CSV, table: "sampled", columns: "*" },
  { file: BALANCED_CSV, table: "folded", columns: "new_image_files, new_labels, dataset" },
  { file: FOLDS_CSV, table: "folded", columns: "new_image_files, new_labels, dataset, fold" },
  { file: CLASSES_CSV, table: "classes", columns: "*" },
] as const;

const STEPS = ["merge", "sample", "resample and folds", "write"] as const;

/**
 * Writes `final_data_224.csv`, `..._sample.csv`, `..._sample_balance.csv`, `..._sample_balance_fold.csv`
 * (new_image_files,new_labels,dataset[,fold]) and `final_data_224_classes.csv`. The first keeps the order of the
 * data sets' files, the others are sorted by class and file. Training on fold f: rows with another fold; validation:
 * the distinct images of the rows with fold f (`readTrainingTable`).
 *
 * All five files are renamed into place together at the end: an error leaves earlier ones untouched.
 * @returns the counts of the four tables, in their order
 * @throws UserError for missing or bad input, or settings that make no sense
 */
export async function mergeTables(options: MergeOptions): Promise<TableCounts[]> {
  const { datasets, maxPerClass = 100, minPerClass = 20, folds = 20, seed = 999 } = options;
  const dataDir = projectPath(options.dataDir);
  const { foldMode = "leak-free", threads, onProgress } = options;
  checkSettings({ maxPerClass, minPerClass, folds, seed }, datasets);
  const report = (done: number) =>
    onProgress?.({ stage: "merge", done, total: STEPS.length, unit: "steps", note: STEPS[done] });
  return withDatabase(async (database) => {
    report(0);
    await mergeDatasets(database, dataDir, datasets);
    report(1);
    await sampleClasses(database, { from: "merged", to: "sampled", maxPerClass, seed });
    report(2);
    await balance(database, { minPerClass, folds, seed, foldMode });
    report(3);
    await writeTables(database, dataDir);
    report(4);
    return countTables(database);
  }, threads);
}

async function balance(
  database: Database,
  {
    minPerClass,
    folds,
    seed,
    foldMode,
  }: { minPerClass: number; folds: number; seed: number; foldMode: FoldMode },
): Promise<void> {
  if (foldMode === "leak-free") {
    await assignFolds(database, { from: "sampled", to: "images", folds, seed, key: "new_image_files" });
    await repeatSmallClasses(database, { from: "images", to: "folded", minPerClass, seed });
  } else {
    await repeatSmallClasses(database, { from: "sampled", to: "balanced", minPerClass, seed });
    const key = "copy || ':' || new_image_files";
    await assignFolds(database, { from: "balanced", to: "unsorted", folds, seed, key });
    await database.run("CREATE TABLE folded AS FROM unsorted ORDER BY new_labels, new_image_files, copy");
  }
}

async function writeTables(database: Database, dataDir: string): Promise<void> {
  const files = OUTPUTS.map(({ file, ...source }) => {
    const path = join(dataDir, file);
    return { path, temporary: temporaryPath(path), ...source };
  });
  try {
    for (const { temporary, table, columns } of files) {
      await database.run(
        `COPY (SELECT ${columns} FROM ${table}) TO ${sqlText(temporary)} (FORMAT csv, HEADER)`,
      );
    }
    for (const { path, temporary } of files) renameSync(temporary, path);
  } finally {
    for (const { temporary } of files) rmSync(temporary, { force: true });
  }
}

async function countTables(database: Database): Promise<TableCounts[]> {
  const counts: TableCounts[] = [];
  for (const { file, table } of OUTPUTS) {
    if (file === CLASSES_CSV) continue;
    const images = table === "folded" ? "count(*) FILTER (copy = 0)" : "count(*)"; // each image has one first copy
    const row = await database.row<Omit<TableCounts, "file">>(
      `SELECT count(*) AS rows, ${images} AS images, count(DISTINCT new_labels) AS classes FROM ${table}`,
    );
    counts.push({ file, ...row });
  }
  return counts;
}

/** The smallest value of each setting that makes sense. */
const LEAST: Record<string, number> = { maxPerClass: 1, minPerClass: 1, folds: 2, seed: 0 };

function checkSettings(settings: Record<string, number>, datasets: readonly DatasetName[]): void {
  for (const [name, value] of Object.entries(settings)) {
    if (Number.isSafeInteger(value) && value >= LEAST[name]!) continue;
    throw new UserError(
      `"${name}" must be a whole number from ${LEAST[name]}, it is ${value}.`,
      "The original's is the default.",
    );
  }
  if (datasets.length === 0) throw new UserError("There is no data set to merge.", "npx guie preprocess");
  const names = datasets.map(({ name }) => name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated)
    throw new UserError(`The data set ${repeated} is asked for twice.`, "Name each data set once.");
}
