// Data_Merge: merges, samples, resamples and assigns folds; writes five CSV files.
import { join } from "node:path";
import { writeCsv } from "../common/csv/csv";
import { type Database, sqlText, withDatabase } from "../common/database/database";
import { UserError } from "../common/errors";
import { asOwner } from "../common/files/claim";
import { removeAbandoned, writeTogether } from "../common/files/files";
import { withSignal } from "../common/interrupt";
import { notice } from "../common/notice";
import type { TaskOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { drawKey } from "../preprocessing/content_names";
import type { DatasetName } from "../preprocessing/layout";
import { type Corrections, describeCorrections } from "./corrections";
import { assignFolds, assignGroupFolds } from "./folds";
import { describeGroups, type ImageGroups } from "./groups";
import { checkHeldOut, type HoldOut, holdOutClasses, writeHeldOut, writeRetrieval } from "./held_out";
import {
  BALANCED_CSV,
  CLASSES_CSV,
  CLASSES_TABLE,
  FOLDS_CSV,
  MERGED_CSV,
  RETRIEVAL_FILES,
  SAMPLED_CSV,
} from "./layout";
import { mergeDatasets } from "./merge";
import { repeatSmallClasses } from "./resample";
import { sampleClasses } from "./sample";
import { writeQuery } from "./write_query";

/**
 * A way to draw the folds. "leak-free": over distinct images, and all copies of an image have its fold, so no image is
 * on both sides whichever fold validates; images of one group of `groups.csv` share a fold, too. "as-published": over the rows after small classes were repeated, as in the
 * original, so copies of one image are in training and in validation.
 */
export type FoldMode = "leak-free" | "as-published";

/** Options of a merge; numbers default to the original's. */
export interface MergeOptions extends TaskOptions {
  dataDir: string;
  /** In merge order. */
  datasets: readonly DatasetName[];
  /** The most rows per class; larger classes are sampled. Default 100. */
  maxPerClass?: number;
  /** The fewest rows per class; smaller classes are repeated. Default 20. */
  minPerClass?: number;
  /** Number of folds. Default 20. */
  folds?: number;
  /** Seed of all draws. Default 999. */
  seed?: number;
  /** Default "leak-free". */
  foldMode?: FoldMode;
  /**
   * Share of each data set's classes to hold out for `retrieval/queries.csv` and `index.csv`, 0..1, drawn by `seed` or
   * by a separate seed (`heldOutBefore` returns both of an earlier merge). Default none.
   */
  holdOut?: number | HoldOut | undefined;
  /** Number of CPU threads; the result does not depend on it. */
  threads?: number;
}

/** One of the tables that were written. */
export interface TableCounts {
  file: string;
  rows: number;
  /** Distinct images: fewer than rows if small classes were repeated. */
  images: number;
  classes: number;
  /** The changes by exclude.csv and relabel.csv, in the counts of the merged table, if there is one of these files. */
  corrections?: Corrections;
  /** The groups of groups.csv, in the counts of the merged table, if there is this file. */
  groups?: ImageGroups;
}

const STEPS = ["merge", "sample", "resample and folds", "write"] as const;

/**
 * Writes `final_data_224.csv`, `..._sample.csv`, `..._sample_balance.csv`, `..._sample_balance_fold.csv`
 * (new_image_files,new_labels,dataset[,fold]) and `final_data_224_classes.csv`. The first keeps the order of the
 * data sets' files, the others are sorted by class and file. Training on fold f: rows with another fold; validation:
 * the distinct images of the rows with fold f (`readTrainingTable`).
 *
 * Leaves out the images of `exclude.csv`, changes the classes of those of `relabel.csv`, and keeps the groups of
 * `groups.csv` in a fold each, if the data directory has these files, and says how many.
 *
 * Renames all five files into place together at the end: an error leaves earlier files unchanged.
 * @returns the counts of the first four tables, in their order
 * @throws UserError for missing or bad input, impossible settings, or another process that merges there
 * @example
 * await mergeTables({ dataDir: "data/demo", datasets: preprocessedDataSets("data/demo"), seed: 999 });
 */
export async function mergeTables(options: MergeOptions): Promise<TableCounts[]> {
  const dataDir = projectPath(options.dataDir);
  const merge = () => mergeOwned({ ...options, dataDir });
  return withSignal(options.signal, () => asOwner(join(dataDir, MERGED_CSV), "Data_Merge", merge));
}

async function mergeOwned(options: MergeOptions): Promise<TableCounts[]> {
  const { dataDir, datasets, maxPerClass = 100, minPerClass = 20, folds = 20, seed = 999 } = options;
  const { foldMode = "leak-free", threads, onProgress } = options;
  const holdOut = typeof options.holdOut === "number" ? { share: options.holdOut, seed } : options.holdOut;
  checkSettings({ maxPerClass, minPerClass, folds, seed }, datasets);
  checkHeldOut(dataDir, holdOut);
  const report = (done: number) =>
    onProgress?.({ stage: "merge", done, total: STEPS.length, unit: "steps", note: STEPS[done] });
  const files = [MERGED_CSV, SAMPLED_CSV, BALANCED_CSV, FOLDS_CSV, CLASSES_CSV];
  const paths = [...files, ...(holdOut ? Object.values(RETRIEVAL_FILES) : [])].map((file) =>
    join(dataDir, file),
  );
  for (const path of paths) removeAbandoned(path, { ofThisMachine: true });
  return writeTogether(paths, (written) =>
    withDatabase(async (database) => {
      const [mergedCsv, sampledCsv, balancedCsv, foldsCsv, classesCsv, ...retrieval] = written;
      report(0);
      const { corrections, groups } = await mergeDatasets(database, dataDir, datasets);
      if (corrections) notice(describeCorrections(corrections));
      if (groups && groups.unmatched > 0) notice(describeGroups(groups));
      if (holdOut) {
        const [queries, index, classes, note] = retrieval as [string, string, string, string];
        writeHeldOut(note, await holdOutClasses(database, holdOut));
        await writeRetrieval(database, { queries, index, classes });
      }
      await writeQuery(database, "FROM merged", mergedCsv!);
      await writeClasses(database, classesCsv!);
      report(1);
      const merged = await countRows(database, MERGED_CSV, "merged");
      await sampleClasses(database, { from: "merged", to: "sampled", maxPerClass, seed });
      await database.run("DROP TABLE merged");
      await writeQuery(database, "FROM sampled", sampledCsv!);
      report(2);
      const sampled = await countRows(database, SAMPLED_CSV, "sampled");
      await balance(database, { minPerClass, folds, seed, foldMode, isGrouped: groups !== undefined });
      report(3);
      await writeQuery(database, `SELECT ${MERGED_COLUMNS} FROM (${EVERY_COPY})`, balancedCsv!);
      await writeQuery(database, `SELECT ${MERGED_COLUMNS}, fold FROM (${EVERY_COPY})`, foldsCsv!);
      report(4);
      const { rows } = await database.row<{ rows: number }>("SELECT sum(copies)::BIGINT AS rows FROM folded");
      const first = { ...merged, ...(corrections && { corrections }), ...(groups && { groups }) };
      return [first, sampled, ...[BALANCED_CSV, FOLDS_CSV].map((file) => ({ ...sampled, file, rows }))];
    }, threads),
  );
}

const MERGED_COLUMNS = "new_image_files, new_labels, dataset";

/** The rows of `folded`, each repeated `copies` times. */
const EVERY_COPY = "SELECT *, unnest(range(copies)) FROM folded";

/** Makes `folded` (new_image_files, new_labels, dataset, copies, fold) from `sampled`, in its order. */
async function balance(
  database: Database,
  {
    minPerClass,
    folds,
    seed,
    foldMode,
    isGrouped,
  }: { minPerClass: number; folds: number; seed: number; foldMode: FoldMode; isGrouped: boolean },
): Promise<void> {
  await repeatSmallClasses(database, { from: "sampled", to: "repeated", minPerClass, seed });
  await database.run("DROP TABLE sampled");
  const tables = { from: "repeated", to: "folded", folds, seed };
  if (foldMode === "leak-free")
    return isGrouped
      ? assignGroupFolds(database, { ...tables, groups: "groups" })
      : assignFolds(database, { ...tables, key: drawKey("new_image_files") });
  await database.run(
    "CREATE TABLE rows AS SELECT * REPLACE (1 AS copies), unnest(range(copies)) AS copy FROM repeated",
  );
  const key = `copy || ':' || ${drawKey("new_image_files")}`;
  await assignFolds(database, { ...tables, from: "rows", key });
}

/** Writes `classes` by the writer that protects names from being run by a spreadsheet. */
async function writeClasses(database: Database, path: string): Promise<void> {
  const columns = CLASSES_TABLE.map(({ name }) => name);
  const rows = await database.rows<Record<string, string | number>>("FROM classes ORDER BY new_labels");
  await writeCsv(
    path,
    columns,
    rows.map((row) => columns.map((name) => row[name]!)),
  );
}

/** Counts a table in which each image has one row: `merged` or `sampled`. */
async function countRows(database: Database, file: string, table: string): Promise<TableCounts> {
  return database.row<TableCounts>(
    `SELECT ${sqlText(file)} AS file, count(*) AS rows, count(*) AS images, count(DISTINCT new_labels) AS classes
     FROM ${table}`,
  );
}

/** The smallest sensible value of each setting. */
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
  if (repeated) throw new UserError(`The data set ${repeated} is named twice.`, "Name each data set once.");
}
