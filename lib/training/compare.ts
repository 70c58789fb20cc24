// Trained runs, the backbone and pixels compared on the held-out classes.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readCsv } from "../common/csv";
import type { OnProgress } from "../common/progress";
import { projectPath } from "../common/project";
import type { TrainConfig } from "../config/config";
import type { BootstrapOptions } from "../retrieval/bootstrap";
import {
  type ComparisonRow,
  compareModels,
  type ModelVectors,
  type RetrievalLabels,
} from "../retrieval/evaluation";
import type { RetrievalFiles } from "./data";
import { heldOutFiles, modelVectors } from "./ladder";

/**
 * Compares models on the retrieval set of the config's data directory. Where `retrieval/classes.csv` has a column
 * `group`, its groups are compared as data sets too.
 * @param models `pixels`, `backbone`, and runs; the differences are from the first
 * @throws UserError when the data directory has no retrieval set, or a run does not exist
 */
export async function compareOnHeldOut(
  config: Readonly<TrainConfig>,
  models: readonly string[],
  options: BootstrapOptions = {},
  onProgress?: OnProgress,
): Promise<ComparisonRow[]> {
  const files = await heldOutFiles(config.dataDir);
  const vectors: ModelVectors[] = [];
  for (const model of models) vectors.push(await modelVectors(config, model, files, onProgress));
  return compareModels(vectors, await retrievalLabels(config.dataDir, files), options);
}

/** Classes of the retrieval set, and the groups of `retrieval/classes.csv` as its data sets. */
export async function retrievalLabels(dataDir: string, files: RetrievalFiles): Promise<RetrievalLabels> {
  const labels = { queryLabels: files.queries.labels, indexLabels: files.index.labels };
  const path = join(projectPath(dataDir), "retrieval", "classes.csv");
  const rows = existsSync(path) ? await readCsv(path, ["labels"]) : [];
  if (rows[0]?.group === undefined) return labels;
  const groups = new Map(rows.map((row) => [Number(row.labels), row.group!]));
  const groupsOf = (list: ArrayLike<number>) => Array.from(list, (label) => groups.get(label) ?? "other");
  return {
    ...labels,
    queryDatasets: groupsOf(labels.queryLabels),
    indexDatasets: groupsOf(labels.indexLabels),
  };
}
