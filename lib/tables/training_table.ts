// Reads the table that a run trains and validates on.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Database, withDatabase } from "../common/database/database";
import { UserError } from "../common/errors";
import { projectPath } from "../common/project";
import { TextColumn, type Texts } from "../common/texts";
import { CLASSES_CSV, CLASSES_TABLE, FOLDS_CSV, FOLDS_TABLE } from "./layout";
import { loadCsv } from "./read_csv";

/** The images that a run trains and validates on; labels are int32, 0 .. classes - 1. */
export interface TrainingTable {
  /** Paths relative to the data directory; images of small classes are repeated. */
  trainFiles: Texts;
  trainLabels: Int32Array;
  /** Distinct images. */
  validationFiles: string[];
  validationLabels: Int32Array;
  classes: number;
  /** Name of each class's data set, by label; undefined if the table has two for one class. */
  dataSets: string[] | undefined;
  /** Names by label, from `final_data_224_classes.csv`, which belongs to the merged table. */
  classNames?: string[];
}

const NEXT = "npx guie merge";
/** A missing table: most often another preset was chosen, whose data are not here. */
const NEXT_FOR_NONE = `${NEXT} makes it; or name other data in the settings: dataDir`;

/**
 * Reads the table with folds: the rows of other folds are the training set, in the file's order; the distinct images of
 * fold `fold` are the validation set. Reads the file without loading it: 7 M rows take some seconds and 0.5 GB.
 * @param csv file below `dataDir`; by default the one that Data_Merge writes
 * @throws UserError for a missing or bad table, labels with gaps, or a fold without rows
 * @example
 * const table = await readTrainingTable("data/demo", { fold: 1 });
 */
export async function readTrainingTable(
  dataDir: string,
  { csv = FOLDS_CSV, fold }: { csv?: string; fold: number },
): Promise<TrainingTable> {
  const folder = projectPath(dataDir);
  const path = join(folder, csv);
  return withDatabase(async (database) => {
    const aggregates = labelsAndFolds(fold);
    const found = await loadCsv(database, "folded", path, FOLDS_TABLE, NEXT_FOR_NONE, {
      as: "VIEW",
      aggregates,
    });
    const { classes, dataSetsOfClasses, trainRows } = checkLabelsAndFold(
      found as unknown as LabelsAndFolds,
      path,
      fold,
    );
    const { dataSets, ...rows } = await readRows(database, fold, trainRows);
    const classNames = csv === FOLDS_CSV ? await readClassNames(database, folder, classes) : undefined;
    return {
      ...rows,
      classes,
      dataSets: dataSetsOfClasses === classes ? dataSets : undefined,
      classNames,
    };
  });
}

interface LabelsAndFolds {
  classes: number;
  /** Pairs of class and data set: as many as classes if each class has one data set. */
  dataSetsOfClasses: number;
  highest: number;
  folds: string;
  trainRows: number;
}

function labelsAndFolds(fold: number): string[] {
  return [
    "count(DISTINCT new_labels) AS classes",
    "count(DISTINCT hash(new_labels, dataset)) AS dataSetsOfClasses",
    "max(new_labels) AS highest",
    "array_to_string(list_sort(list(DISTINCT fold)), ', ') AS folds",
    `count(*) FILTER (fold <> ${fold}) AS trainRows`,
  ];
}

/** Returns what was found. @throws UserError for labels with gaps, one fold only, or no rows of `fold` */
function checkLabelsAndFold(found: LabelsAndFolds, path: string, fold: number): LabelsAndFolds {
  const { classes, highest, folds } = found;
  if (classes !== highest + 1) {
    throw new UserError(
      `${path}: labels must be 0 .. ${classes - 1} for ${classes} classes; the highest is ${highest}.`,
      NEXT,
    );
  }
  const known = folds.split(", ").map(Number);
  if (known.length < 2) throw new UserError(`${path} has one fold only: nothing is left to train on.`, NEXT);
  if (known.includes(fold)) return found;
  throw new UserError(
    `${path} has no rows of fold ${fold}; it has the folds ${folds}.`,
    `Set fold to one of them: npx guie train --fold ${known[0]}`,
  );
}

type TrainingRows = Pick<
  TrainingTable,
  "trainFiles" | "trainLabels" | "validationFiles" | "validationLabels" | "dataSets"
>;

async function readRows(database: Database, fold: number, trainRows: number): Promise<TrainingRows> {
  const trainFiles = new TextColumn(trainRows);
  const trainLabels = new Int32Array(trainRows);
  const validation = new Map<string, number>();
  const dataSets: string[] = [];
  const columns = { numbers: ["new_labels", "fold"], texts: ["new_image_files", "dataset"] };
  await database.eachRow("FROM folded", columns, (row) => {
    const label = row.numbers[0]!;
    dataSets[label] ??= row.text(1);
    if (row.numbers[1] === fold) {
      const file = row.text(0);
      if (!validation.has(file)) validation.set(file, label);
    } else {
      trainLabels[trainFiles.length] = label;
      trainFiles.pushUtf8(row.bytes, row.ends[0]!, row.ends[1]!);
    }
  });
  return {
    trainFiles,
    trainLabels,
    validationFiles: [...validation.keys()],
    validationLabels: Int32Array.from(validation.values()),
    dataSets,
  };
}

async function readClassNames(
  database: Database,
  dataDir: string,
  classes: number,
): Promise<string[] | undefined> {
  const path = join(dataDir, CLASSES_CSV);
  if (!existsSync(path)) return undefined;
  await loadCsv(database, "classes", path, CLASSES_TABLE, NEXT);
  const rows = await database.rows<{ label: number; name: string }>(
    "SELECT new_labels AS label, class_name AS name FROM classes ORDER BY label",
  );
  if (rows.length === classes && rows.every(({ label }, i) => label === i))
    return rows.map(({ name }) => name);
  throw new UserError(
    `${path} names ${rows.length} classes, but ${FOLDS_CSV} has ${classes}, or other numbers for them.`,
    NEXT,
  );
}

/**
 * Returns the distinct images of a class in training and validation set.
 * @example
 * imagesOfClass(await readTrainingTable("data/demo", { fold: 1 }), 0)
 */
export function imagesOfClass(table: TrainingTable, label: number): string[] {
  const images = new Set<string>();
  const parts = [
    [table.trainFiles, table.trainLabels],
    [table.validationFiles, table.validationLabels],
  ] as const;
  for (const [files, labels] of parts) {
    for (let row = labels.indexOf(label); row >= 0; row = labels.indexOf(label, row + 1)) {
      images.add(files.at(row)!);
    }
  }
  return [...images];
}
