// Compares trained runs, the backbone and pixels on the held-out classes.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readCsv, wholeNumberCell } from "../common/csv/csv";
import { UserError } from "../common/errors";
import type { ProgressOptions } from "../common/progress";
import { projectPath } from "../common/project";
import type { ComparisonSettings } from "../config/parts";
import { dataFolder } from "../config/paths";
import { type DatasetConfusion, datasetConfusion } from "../retrieval/confusion";
import {
  type ComparisonOptions,
  type ComparisonRow,
  compareModels,
  type ModelVectors,
  type RetrievalLabels,
} from "../retrieval/evaluation";
import { nearestNeighbours } from "../retrieval/neighbours";
import type { RetrievalFiles } from "../training/data/run_data";
import { heldOutFiles, modelVectors, requireModels } from "./ladder";
import type { TrainImagesOptions } from "./transform_rungs";

/**
 * Compares models on the retrieval set of the config's data directory. If `retrieval/classes.csv` has a column `group`,
 * its groups are also compared as data sets.
 * @param models `pixels`, and models as `findModel` takes them; by default, differences are from the first
 * @throws UserError if the data directory has no retrieval set, or a model does not exist
 * @example
 * const rows = await compareOnHeldOut(config, ["backbone", "demo_frozen"]);
 */
export async function compareOnHeldOut(
  config: ComparisonSettings,
  models: readonly string[],
  { onProgress, train, ...options }: ComparisonOptions & Omit<TrainImagesOptions, "signal"> = {},
): Promise<ComparisonRow[]> {
  const files = await heldOutFiles(config.dataDir);
  await requireModels(config, models, { onProgress });
  const vectors: ModelVectors[] = [];
  for (const model of models) vectors.push(await modelVectors(config, model, files, { onProgress, train }));
  return compareModels(vectors, await retrievalLabels(config.dataDir, files), options);
}

/** Models compared on the retrieval set of one data directory. */
export interface DataComparison {
  dataDir: string;
  rows: ComparisonRow[];
}

/**
 * Compares models on the retrieval sets of several data directories, one after the other; differences are from the first
 * model.
 * @param models as `compareOnHeldOut` takes them
 * @throws UserError before anything is embedded if a directory has no retrieval set, or a model does not exist
 */
export async function compareOverData(
  config: ComparisonSettings,
  models: readonly string[],
  dataDirs: readonly string[],
  options: Omit<ComparisonOptions, "against"> & ProgressOptions = {},
): Promise<DataComparison[]> {
  for (const dataDir of dataDirs) {
    await heldOutFiles(dataDir);
    await requireModels({ ...config, dataDir }, models, options);
  }
  const comparisons: DataComparison[] = [];
  for (const dataDir of dataDirs)
    comparisons.push({ dataDir, rows: await compareOnHeldOut({ ...config, dataDir }, models, options) });
  return comparisons;
}

/**
 * Counts the data sets of a model's wrong nearest neighbours, by data set of the query, on the retrieval set of the
 * config's data directory.
 * @param model as `compareOnHeldOut` takes it
 * @throws UserError if `retrieval/classes.csv` names no groups: there are no data sets to be confused
 * @example
 * confusionTable(await confusionOnHeldOut(config, "demo_fine_tune"))
 */
export async function confusionOnHeldOut(
  config: ComparisonSettings,
  model: string,
  options: ProgressOptions = {},
): Promise<DatasetConfusion[]> {
  const files = await heldOutFiles(config.dataDir);
  await requireModels(config, [model], options);
  const { queryDatasets, indexDatasets, own, ...labels } = await retrievalLabels(config.dataDir, files);
  if (!queryDatasets || !indexDatasets) {
    throw new UserError(
      `The retrieval set below ${dataFolder(config)} is not divided into data sets: none can be confused with another.`,
      "Write retrieval/classes.csv with the columns labels,class_name,group; `npx guie merge --hold-out` does.",
    );
  }
  const { queries, index } = await modelVectors(config, model, files, options);
  const { positions } = await nearestNeighbours(queries, index, 1, { own });
  return datasetConfusion(positions, { ...labels, ownPositions: files.own, queryDatasets, indexDatasets });
}

/**
 * Returns the classes of the retrieval set, and the groups of `retrieval/classes.csv` as its data sets.
 * @example
 * const labels = await retrievalLabels("data/demo", await heldOutFiles("data/demo"));
 */
export async function retrievalLabels(dataDir: string, files: RetrievalFiles): Promise<RetrievalLabels> {
  const { queries, index, own } = files;
  const labels: RetrievalLabels = { queryLabels: queries.labels, indexLabels: index.labels, own };
  const path = join(projectPath(dataDir), "retrieval", "classes.csv");
  const rows = existsSync(path) ? await readCsv(path, ["labels"]) : [];
  if (rows[0]?.group === undefined) return labels;
  const labelOf = (text: string, index: number) =>
    wholeNumberCell(text, `${path}, row ${index + 1}: "labels"`, "Its columns are labels,class_name,group.");
  const groups = new Map(rows.map((row, index) => [labelOf(row.labels!, index), row.group!]));
  const groupsOf = (list: ArrayLike<number>) => Array.from(list, (label) => groups.get(label) ?? "other");
  return {
    ...labels,
    queryDatasets: groupsOf(labels.queryLabels),
    indexDatasets: groupsOf(labels.indexLabels),
  };
}
