// Rows of exclude.csv by class: how many images of each class it leaves out and why, and rows for whole classes.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Database, sqlText, withDatabase } from "../common/database/database";
import { type DatasetName, preprocessedCsv } from "../preprocessing/layout";
import { matchRows, readExclusions } from "./corrections";
import type { ImageToExclude } from "./exclude";
import { CORRECTION_FILES, IMAGE_TABLE } from "./layout";
import { loadCsv } from "./read_csv";

/** A class of a data set, by the data set's own number. */
export interface ClassOfDataset {
  dataset: string;
  label: number;
}

/** Images of one class that exclude.csv names. */
export interface ClassExclusions extends ClassOfDataset {
  images: number;
  /** The different reasons, without empty ones. */
  reasons: string[];
}

/**
 * Counts the images that exclude.csv of a data directory leaves out, by class. Classes without one are missing.
 * @throws UserError for a bad exclude.csv or a bad table of preprocessed images
 */
export async function classExclusions(
  dataDir: string,
  datasets: readonly DatasetName[],
): Promise<ClassExclusions[]> {
  const path = join(dataDir, CORRECTION_FILES.exclude);
  if (!existsSync(path)) return [];
  return withDatabase(async (database) => {
    await loadPreprocessed(database, dataDir, datasets);
    const { found } = await matchRows(database, datasets, await readExclusions(path));
    const classes = new Map<string, ClassExclusions & { seen: Set<string> }>();
    for (const { row, image, dataset, label } of found) {
      const key = `${label} ${dataset}`;
      const entry = classes.get(key) ?? { dataset, label, images: 0, reasons: [], seen: new Set() };
      classes.set(key, entry);
      if (entry.seen.has(image)) continue;
      entry.seen.add(image);
      entry.images++;
      if (row.reason !== "" && !entry.reasons.includes(row.reason)) entry.reasons.push(row.reason);
    }
    return [...classes.values()].map(({ seen, ...entry }) => entry);
  });
}

/** Images of classes, for exclude.csv. */
export interface ImagesToExclude {
  /** Images to add: path in the merged table, and reason. */
  rows: ImageToExclude[];
  /** Images of the classes that exclude.csv names already. */
  already: number;
}

/**
 * Returns the preprocessed images of some classes that exclude.csv does not name yet.
 * @param reasonOf the reason of a class's rows
 */
export async function imagesToExclude<Class extends ClassOfDataset>(
  dataDir: string,
  datasets: readonly DatasetName[],
  classes: readonly Class[],
  reasonOf: (entry: Class) => string,
): Promise<ImagesToExclude> {
  const path = join(dataDir, CORRECTION_FILES.exclude);
  if (classes.length === 0) return { rows: [], already: 0 };
  return withDatabase(async (database) => {
    await loadPreprocessed(database, dataDir, datasets);
    const named = existsSync(path)
      ? (await matchRows(database, datasets, await readExclusions(path))).found.map(({ image }) => image)
      : [];
    const wanted = classes.map(({ dataset, label }) => `(${sqlText(dataset)}, ${label})`).join(", ");
    const images = await database.rows<{ image: string } & ClassOfDataset>(
      `SELECT image_files AS image, dataset, labels AS label FROM source_rows
       WHERE (dataset, labels) IN (VALUES ${wanted}) ORDER BY source_rows.rowid`,
    );
    const isNamed = new Set(named);
    const reasons = new Map(classes.map((entry) => [`${entry.label} ${entry.dataset}`, reasonOf(entry)]));
    const rows = images
      .filter(({ image }) => !isNamed.has(image))
      .map(({ image, dataset, label }) => ({ image, reason: reasons.get(`${label} ${dataset}`)! }));
    return { rows, already: images.length - rows.length };
  });
}

/** Makes `source_rows` (image_files, labels, dataset) of the preprocessed data sets. */
async function loadPreprocessed(
  database: Database,
  dataDir: string,
  datasets: readonly DatasetName[],
): Promise<void> {
  await database.run("CREATE TABLE source_rows (image_files VARCHAR, labels BIGINT, dataset VARCHAR)");
  for (const dataset of datasets) {
    const path = join(dataDir, preprocessedCsv(dataset));
    if (!existsSync(path)) continue;
    await loadCsv(database, "loaded", path, IMAGE_TABLE, "npx guie preprocess", { as: "VIEW" });
    await database.run(
      `INSERT INTO source_rows SELECT image_files, labels, ${sqlText(dataset.name)} FROM loaded`,
    );
  }
}
