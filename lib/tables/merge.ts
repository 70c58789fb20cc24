// Step 1 of Data_Merge: puts all data sets into one table and turns each data set's labels into labels of the whole.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Database, sqlText } from "../common/database/database";
import { UserError } from "../common/errors";
import {
  type DatasetName,
  preprocessedClasses,
  preprocessedCsv,
  sourceClasses,
  sourceCsv,
} from "../preprocessing/layout";
import { applyCorrections, type Corrections } from "./corrections";
import { type ImageGroups, readGroups } from "./groups";
import { IMAGE_TABLE } from "./layout";
import { loadCsv } from "./read_csv";

/** The effect of a person's files on a merge: undefined without the file. */
export interface MergeNotes {
  corrections: Corrections | undefined;
  groups: ImageGroups | undefined;
}

/**
 * Makes two tables from the data sets' `<folder>_final_224.csv`, in the given order:
 * - `merged` (new_image_files, new_labels, dataset), rows in the order of the files;
 * - `classes` (new_labels, dataset, labels, class_name), class_name from `<folder>_classes.csv`, else the label.
 *
 * The new label is the label's index within its data set (by first appearance) plus the number of classes of all
 * data sets before it: in other words, the order in which classes first appear in the merged rows. exclude.csv and
 * relabel.csv of the data directory are applied first. Also makes `groups` (see `readGroups`), of all images: a group
 * keeps its leader if exclude.csv leaves it out.
 * @returns what those files changed
 * @throws UserError for a missing or bad table, or an image with two rows
 */
export async function mergeDatasets(
  database: Database,
  dataDir: string,
  datasets: readonly DatasetName[],
): Promise<MergeNotes> {
  await database.run("CREATE TABLE source_rows (image_files VARCHAR, labels BIGINT, dataset VARCHAR)");
  await database.run("CREATE TABLE class_names (dataset VARCHAR, labels BIGINT, class_name VARCHAR)");
  for (const dataset of datasets) await appendDataset(database, dataDir, dataset);
  await refuseRepeatedImages(database);
  const groups = await readGroups(database, dataDir, datasets);
  const corrections = await applyCorrections(database, dataDir, datasets);
  await database.run(
    `CREATE TABLE classes AS
     SELECT (row_number() OVER (ORDER BY first_row) - 1)::INTEGER AS new_labels, dataset, labels,
       coalesce(nullif(class_name, ''), labels::VARCHAR) AS class_name
     FROM (SELECT dataset, labels, min(rowid) AS first_row FROM source_rows GROUP BY ALL)
     LEFT JOIN class_names USING (dataset, labels) ORDER BY first_row`,
  );
  await database.run(
    `CREATE TABLE merged AS
     SELECT image_files AS new_image_files, new_labels, dataset
     FROM source_rows JOIN classes USING (dataset, labels) ORDER BY source_rows.rowid`,
  );
  await database.run("DROP TABLE source_rows");
  return { corrections, groups };
}

async function appendDataset(database: Database, dataDir: string, dataset: DatasetName): Promise<void> {
  const name = sqlText(dataset.name);
  const next = `npx guie preprocess --dataset ${dataset.name}`;
  // Repeated images are refused later, over all data sets together.
  const path = join(dataDir, preprocessedCsv(dataset));
  await loadCsv(database, "one_dataset", path, IMAGE_TABLE, next, { checkLabels: false });
  await database.run(`INSERT INTO source_rows SELECT image_files, labels, ${name} FROM one_dataset`);
  const namesPath = classNamesOf(dataDir, dataset, next);
  if (namesPath === undefined) return;
  await loadCsv(
    database,
    "names",
    namesPath,
    [
      { name: "labels", kind: "label" },
      { name: "class_name", kind: "text" },
    ],
    `npx guie get-data --dataset ${dataset.name}`,
  );
  await refuseTwoNames(database, namesPath);
  await database.run(
    `INSERT INTO class_names SELECT ${name}, labels, any_value(nfc_normalize(class_name)) FROM names GROUP BY labels`,
  );
}

/**
 * Returns the file of class names that belongs to a preprocessed table: the names at the time when it was made.
 * @throws UserError if Get_Data has renamed or renumbered the classes since
 */
function classNamesOf(dataDir: string, dataset: DatasetName, next: string): string | undefined {
  const [table, kept, source] = [
    preprocessedCsv(dataset),
    preprocessedClasses(dataset),
    sourceClasses(dataset),
  ].map((file) => join(dataDir, file)) as [string, string, string];
  const isKept = existsSync(kept);
  if (!existsSync(source)) return isKept ? kept : undefined;
  // Earlier versions kept no names with the table: then the files' times decide. Tables made by hand are not checked.
  const isByHand = !existsSync(join(dataDir, sourceCsv(dataset)));
  const isSame = isKept
    ? readFileSync(kept).equals(readFileSync(source))
    : isByHand || statSync(source).mtimeMs <= statSync(table).mtimeMs;
  if (isSame) return source;
  throw new UserError(
    `${source} has other classes, or other numbers for them, than ${table}, which was made before.`,
    `${next} --data-dir ${dataDir} (images that are made already are kept)`,
  );
}

async function refuseTwoNames(database: Database, path: string): Promise<void> {
  const [twice] = await database.rows<{ labels: number; names: string }>(
    `SELECT labels, string_agg(DISTINCT class_name, ', ' ORDER BY class_name) AS names FROM names
     GROUP BY labels HAVING count(DISTINCT class_name) > 1 ORDER BY labels LIMIT 1`,
  );
  if (twice)
    throw new UserError(
      `${path} has several names for class ${twice.labels}: ${twice.names}.`,
      "Keep one of the rows.",
    );
}

/** Refuses repeated images: two rows of one image could be in training and in validation. */
async function refuseRepeatedImages(database: Database): Promise<void> {
  // As many different hashes as rows: no image is repeated. The exact search takes twice the memory and time.
  const { rows: all, hashes } = await database.row<{ rows: number; hashes: number }>(
    "SELECT count(*) AS rows, count(DISTINCT hash(nfc_normalize(image_files))) AS hashes FROM source_rows",
  );
  if (all === hashes) return;
  const [repeated] = await database.rows<{ image: string }>(
    "SELECT nfc_normalize(image_files) AS image FROM source_rows GROUP BY image HAVING count(*) > 1 ORDER BY image LIMIT 1",
  );
  if (!repeated) return;
  const { rows, datasets, labels } = await database.row<{ rows: number; datasets: string; labels: string }>(
    `SELECT count(*) AS rows, string_agg(DISTINCT dataset, ', ' ORDER BY dataset) AS datasets,
       string_agg(DISTINCT labels, ' and ' ORDER BY labels) AS labels
     FROM source_rows WHERE nfc_normalize(image_files) = ${sqlText(repeated.image)}`,
  );
  throw new UserError(
    `"${repeated.image}" is in ${rows} rows (of ${datasets}) with the label ${labels}: an image has one class.`,
    "Remove the repeated rows, or run `npx guie preprocess` for these data sets again.",
  );
}
