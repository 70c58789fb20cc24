// Reads the tables of a run: training and validation images, and the held-out retrieval set if there is one.
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { projectPath } from "../../common/project";
import type { Texts } from "../../common/texts";
import type { TableSettings } from "../../config/data";
import type { RunDataSettings } from "../../config/parts";
import { dataFolder, tablePath } from "../../config/paths";
import { readImageRows } from "../../datasets/rows";
import { heldOutClasses, tableClasses } from "../../runs/provenance";
import { readTrainingTable } from "../../tables/training_table";
import { holdOutClasses } from "./choice_classes";
import { requireClasses } from "./learnable";
import type { RetrievalFiles, RunData } from "./run_data";

/** Reads the tables of a config. @throws UserError if one is missing; the message names the step that makes it */
export async function readRunData(config: RunDataSettings): Promise<RunData> {
  const data = holdOutClasses(await readWholeData(config), config);
  requireClasses(data.classCount, tablePath(config));
  return data;
}

/** Reads the tables with all classes, whatever the config's `holdOutShare`. */
export async function readWholeData(config: TableSettings): Promise<RunData> {
  const dataDir = dataFolder(config);
  const table = await readTrainingTable(dataDir, { csv: config.csv, fold: config.fold });
  return {
    train: { files: table.trainFiles, labels: table.trainLabels, dataSets: table.dataSets },
    validation: { files: table.validationFiles, labels: table.validationLabels },
    classCount: table.classes,
    classes: tableClasses(dataDir, config.csv),
    retrieval: await readRetrievalFiles(dataDir),
    retrievalClasses: heldOutClasses(dataDir),
  };
}

/**
 * Reads the held-out retrieval set below a data directory; undefined if there is none.
 * @example
 * const files = await readRetrievalFiles("data/demo");
 */
export async function readRetrievalFiles(dataDir: string): Promise<RetrievalFiles | undefined> {
  const folder = join(projectPath(dataDir), "retrieval");
  if (!existsSync(join(folder, "queries.csv"))) return undefined;
  const [queries, index] = await Promise.all(
    ["queries.csv", "index.csv"].map(async (name) => {
      const rows = await readImageRows(join(folder, name), "npx guie get-data --demo");
      return { files: rows.map((row) => row.imageFile), labels: rows.map((row) => row.label) };
    }),
  );
  return { queries: queries!, index: index!, own: ownPositions(queries!.files, index!.files) };
}

/** Finds each query's position in the index by its path, or -1. @returns undefined if no query is in the index */
export function ownPositions(queries: readonly string[], index: readonly string[]): Int32Array | undefined {
  const places = new Map(index.map((file, row) => [posix.normalize(file), row]));
  const positions = Int32Array.from(queries, (file) => places.get(posix.normalize(file)) ?? -1);
  return positions.some((row) => row >= 0) ? positions : undefined;
}

/** Returns the distinct files of several lists, sorted, like the rows of a feature file. */
export function distinctFiles(...lists: Texts[]): string[] {
  const files = new Set<string>();
  for (const list of lists) for (const file of list) files.add(file);
  return [...files].sort();
}
