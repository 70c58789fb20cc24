// One row per class: what every step of the pipeline did with its images.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Database, sqlText, withDatabase } from "../common/database/database";
import { UserError } from "../common/errors";
import { projectPath } from "../common/project";
import { type DatasetName, preprocessedCsv, sourceClasses, sourceCsv } from "../preprocessing/layout";
import { type ClassExclusions, classExclusions } from "./exclusions";
import { heldOutBefore } from "./held_out";
import {
  CLASSES_CSV,
  CLASSES_TABLE,
  FOLDS_CSV,
  FOLDS_TABLE,
  IMAGE_TABLE,
  MERGED_CSV,
  MERGED_TABLE,
  RETRIEVAL_FILES,
  SAMPLED_CSV,
} from "./layout";
import { loadCsv } from "./read_csv";

/** The images of one class after every step. */
export interface ClassRow {
  dataset: string;
  className: string;
  /** Its label within the data set. */
  label: number;
  /** Its label in the merged table; undefined if it is not there: too small, unreadable, or held out. */
  newLabel: number | undefined;
  /** Images that Get_Data has read. */
  raw: number;
  /** Images that Data_preprocessing has kept: readable ones of a class that is large enough. */
  kept: number;
  /** Images of the merged table: without excluded ones. */
  merged: number;
  /** Images after large classes were sampled. */
  sampled: number;
  /** Rows after small classes were repeated. */
  rows: number;
  /** Rows and distinct images outside the validation fold, and within it. */
  train: number;
  validation: number;
  /** Images that are held out of training as queries or index. */
  heldOut: number;
  /** Preprocessed images that exclude.csv names now, and its reasons. */
  excluded: number;
  reasons: readonly string[];
}

/** The data set of held-out classes that no merge has made: those of the demo. */
export const RETRIEVAL = "retrieval";

/** Options of the class table. */
export interface ClassTableOptions {
  /** The validation fold. Default 1. */
  fold?: number;
}

/**
 * Returns a row per class of the data sets, by data set and label: its images after every step, whether it is held out,
 * and what exclude.csv says. Steps that have not run yet count 0. Held-out classes that come with the data, as in the
 * demo, follow; their data set is "retrieval: <group>".
 * @throws UserError if no data set has been read yet, or for a bad table
 * @example
 * show(await classTable("data/demo", preparedDataSets("data/demo")));
 */
export async function classTable(
  dataDir: string,
  datasets: readonly DatasetName[],
  { fold = 1 }: ClassTableOptions = {},
): Promise<ClassRow[]> {
  const folder = projectPath(dataDir);
  return withDatabase(async (database) => {
    await database.run("CREATE TABLE counts (dataset VARCHAR, labels BIGINT, step VARCHAR, n BIGINT)");
    await database.run("CREATE TABLE names (dataset VARCHAR, labels BIGINT, class_name VARCHAR)");
    for (const dataset of datasets) await countDataset(database, folder, dataset);
    if (!(await database.row<{ any: boolean }>("SELECT count(*) > 0 AS any FROM counts")).any)
      throw new UserError(`No data set in ${folder} has been read yet.`, "npx guie get-data");
    await database.run(
      "CREATE TABLE classes (new_labels INTEGER, dataset VARCHAR, labels BIGINT, class_name VARCHAR)",
    );
    if (existsSync(join(folder, CLASSES_CSV))) await countMerged(database, folder, fold);
    await countHeldOut(database, folder);
    const counted = (step: string) =>
      `coalesce(sum(n) FILTER (step = ${sqlText(step)}), 0)::INTEGER AS "${step}"`;
    const order = datasets.map(({ name }, place) => `WHEN ${sqlText(name)} THEN ${place}`).join(" ");
    const rows = await database.rows<Counted>(
      `SELECT dataset, coalesce(any_value(names.class_name), labels::VARCHAR) AS "className", labels AS label,
         any_value(new_labels) AS "newLabel", ${STEPS.map(counted).join(", ")}
       FROM counts LEFT JOIN names USING (dataset, labels) LEFT JOIN classes USING (dataset, labels)
       GROUP BY dataset, labels ORDER BY CASE dataset ${order} END, dataset, labels`,
    );
    return withExclusions(rows, await classExclusions(folder, datasets));
  });
}

type Counted = Omit<ClassRow, "newLabel" | "excluded" | "reasons"> & { newLabel: number | null };

function withExclusions(rows: readonly Counted[], exclusions: readonly ClassExclusions[]): ClassRow[] {
  const found = new Map(exclusions.map((entry) => [`${entry.label} ${entry.dataset}`, entry]));
  return rows.map(({ newLabel, ...row }) => {
    const { images = 0, reasons = [] } = found.get(`${row.label} ${row.dataset}`) ?? {};
    return { ...row, newLabel: newLabel ?? undefined, excluded: images, reasons };
  });
}

const STEPS = ["raw", "kept", "merged", "sampled", "rows", "train", "validation", "heldOut"] as const;
type Step = (typeof STEPS)[number];

const LABEL_NAMES = [
  { name: "labels", kind: "label" },
  { name: "class_name", kind: "text" },
] as const;

/** Adds a data set's own tables: names of classes, images read and kept. */
async function countDataset(database: Database, folder: string, dataset: DatasetName): Promise<void> {
  const name = sqlText(dataset.name);
  const load = async (file: string, columns: Parameters<typeof loadCsv>[3], add: string) => {
    const path = join(folder, file);
    if (!existsSync(path)) return;
    await loadCsv(database, "loaded", path, columns, "npx guie get-data", { as: "VIEW", checkLabels: false });
    await database.run(add);
  };
  const count = (step: Step) =>
    `INSERT INTO counts SELECT ${name}, labels, ${sqlText(step)}, count(*) FROM loaded GROUP BY labels`;
  await load(sourceCsv(dataset), IMAGE_TABLE, count("raw"));
  await load(preprocessedCsv(dataset), IMAGE_TABLE, count("kept"));
  await load(
    sourceClasses(dataset),
    LABEL_NAMES,
    `INSERT INTO names SELECT ${name}, labels, any_value(class_name) FROM loaded GROUP BY labels`,
  );
}

/** Adds the tables of Data_Merge. */
async function countMerged(database: Database, folder: string, fold: number): Promise<void> {
  const next = "npx guie merge";
  await loadCsv(database, "classes", join(folder, CLASSES_CSV), CLASSES_TABLE, next);
  const count = async (file: string, steps: Partial<Record<Step, string>>) => {
    const columns = file === FOLDS_CSV ? FOLDS_TABLE : MERGED_TABLE;
    await loadCsv(database, "loaded", join(folder, file), columns, next, { as: "VIEW" });
    for (const [step, number] of Object.entries(steps))
      await database.run(
        `INSERT INTO counts SELECT classes.dataset, labels, ${sqlText(step)}, ${number}
         FROM loaded JOIN classes USING (new_labels) GROUP BY ALL`,
      );
  };
  await count(MERGED_CSV, { merged: "count(*)" });
  await count(SAMPLED_CSV, { sampled: "count(*)" });
  await count(FOLDS_CSV, {
    rows: "count(*)",
    train: `count(*) FILTER (fold <> ${fold})`,
    validation: `count(DISTINCT new_image_files) FILTER (fold = ${fold})`,
  });
}

/**
 * Adds the held-out classes: those of a merge by data set and class name, as `retrieval/classes.csv` has them, others as
 * classes of their own.
 */
async function countHeldOut(database: Database, folder: string): Promise<void> {
  const classes = join(folder, RETRIEVAL_FILES.classes);
  if (!existsSync(classes)) return;
  const columns = [...LABEL_NAMES, { name: "group", kind: "text" } as const];
  await loadCsv(database, "held", classes, columns, "npx guie merge");
  if (!heldOutBefore(folder)) {
    await database.run(`UPDATE held SET "group" = '${RETRIEVAL}: ' || "group"`);
    await database.run(`INSERT INTO names SELECT "group", labels, class_name FROM held`);
  }
  for (const file of [RETRIEVAL_FILES.queries, RETRIEVAL_FILES.index]) {
    await loadCsv(database, "loaded", join(folder, file), IMAGE_TABLE, "npx guie merge", { as: "VIEW" });
    await database.run(
      `INSERT INTO counts SELECT names.dataset, names.labels, 'heldOut', count(*)
       FROM loaded JOIN held USING (labels) JOIN names ON names.dataset = "group" AND names.class_name = held.class_name
       GROUP BY ALL`,
    );
  }
}
