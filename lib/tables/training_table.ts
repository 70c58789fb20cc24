import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../common/errors";
import { projectPath } from "../common/project";
import { type Database, withDatabase } from "./database";
import { CLASSES_CSV, CLASSES_TABLE, FOLDS_CSV, FOLDS_TABLE } from "./layout";
import { loadCsv } from "./read_csv";

/** What a run trains and validates on; labels are int32, 0 .. classes - 1. */
export interface TrainingTable {
  /** Relative to the data directory; an image of a small class stands here several times. */
  trainFiles: string[];
  trainLabels: Int32Array;
  /** Distinct images. */
  validationFiles: string[];
  validationLabels: Int32Array;
  classes: number;
  /** By label; from `final_data_224_classes.csv`, which belongs to the merged table. */
  classNames?: string[];
}

const NEXT = "npx guie merge";

/**
 * Reads the table with folds: rows of other folds train, in the file's order; the distinct images of fold `fold`
 * validate.
 * @param csv file below `dataDir`; the one that Data_Merge writes unless told
 * @throws UserError for a missing or bad table, labels with gaps, or a fold that has no rows
 */
export async function readTrainingTable(
  dataDir: string,
  { csv = FOLDS_CSV, fold }: { csv?: string; fold: number },
): Promise<TrainingTable> {
  const path = join(projectPath(dataDir), csv);
  return withDatabase(async (database) => {
    await loadCsv(database, "folded", path, FOLDS_TABLE, NEXT);
    const classes = await countClasses(database, path);
    await checkFold(database, path, fold);
    const train = await readRows(database, `FROM folded WHERE fold <> ${fold} ORDER BY rowid`);
    const validation = await readRows(
      database,
      `FROM folded WHERE fold = ${fold}
       QUALIFY row_number() OVER (PARTITION BY new_image_files ORDER BY rowid) = 1 ORDER BY rowid`,
    );
    const classNames =
      csv === FOLDS_CSV ? await readClassNames(database, projectPath(dataDir), classes) : undefined;
    return {
      trainFiles: train.files,
      trainLabels: train.labels,
      validationFiles: validation.files,
      validationLabels: validation.labels,
      classes,
      ...(classNames ? { classNames } : {}),
    };
  });
}

async function countClasses(database: Database, path: string): Promise<number> {
  const { classes, highest } = await database.row<{ classes: number; highest: number }>(
    "SELECT count(DISTINCT new_labels) AS classes, max(new_labels) AS highest FROM folded",
  );
  if (classes === highest + 1) return classes;
  throw new UserError(
    `${path}: labels must be 0 .. ${classes - 1} for ${classes} classes; the highest is ${highest}.`,
    NEXT,
  );
}

async function checkFold(database: Database, path: string, fold: number): Promise<void> {
  const folds = await database.rows<{ fold: number }>("SELECT DISTINCT fold FROM folded ORDER BY fold");
  const known = folds.map((row) => row.fold);
  if (known.length < 2) throw new UserError(`${path} has one fold only: nothing is left to train on.`, NEXT);
  if (known.includes(fold)) return;
  throw new UserError(
    `${path} has no rows of fold ${fold}; it has the folds ${known.join(", ")}.`,
    "--fold 1",
  );
}

async function readRows(database: Database, from: string): Promise<{ files: string[]; labels: Int32Array }> {
  const files: string[] = [];
  const labels: number[] = [];
  await database.eachChunk(
    `SELECT new_image_files, new_labels ${from}`,
    ([chunkFiles, chunkLabels], rowCount) => {
      for (let i = 0; i < rowCount; i++) {
        const file = chunkFiles![i] as string;
        const previous = files.at(-1);
        files.push(file === previous ? previous : file); // copies of an image follow each other: one string for all
        labels.push(chunkLabels![i] as number);
      }
    },
  );
  return { files, labels: Int32Array.from(labels) };
}

async function readClassNames(
  database: Database,
  dataDir: string,
  classes: number,
): Promise<string[] | undefined> {
  const path = join(dataDir, CLASSES_CSV);
  if (!existsSync(path)) return undefined;
  await loadCsv(database, "classes", path, CLASSES_TABLE, NEXT);
  const rows = await database.rows<{ class_name: string }>(
    "SELECT class_name FROM classes ORDER BY new_labels",
  );
  if (rows.length === classes) return rows.map((row) => row.class_name);
  throw new UserError(`${path} names ${rows.length} classes, but ${FOLDS_CSV} has ${classes}.`, NEXT);
}

/** The distinct images of a class, training and validation alike. */
export function imagesOfClass(table: TrainingTable, label: number): string[] {
  const parts = [
    [table.trainFiles, table.trainLabels],
    [table.validationFiles, table.validationLabels],
  ] as const;
  return [...new Set(parts.flatMap(([files, labels]) => files.filter((_, row) => labels[row] === label)))];
}
