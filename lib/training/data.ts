// The tables that a run reads: training and validation images, and the held-out retrieval set where there is one.
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { UserError } from "../common/errors";
import { projectPath } from "../common/project";
import type { Texts } from "../common/texts";
import type { TrainConfig } from "../config/config";
import { readImageRows } from "../datasets/rows";
import { readTrainingTable } from "../tables/training_table";
import type { LabelledFiles } from "./batches";
import { holdOutClasses } from "./choice_classes";
import { heldOutClasses, tableClasses } from "./runs/made_of";

/** Everything a run looks at, as file names and classes. */
export interface RunData {
  train: LabelledFiles<Texts>;
  validation: LabelledFiles;
  classCount: number;
  /** "data set/class name" by label, where the classes have names. */
  classes?: readonly string[] | undefined;
  /** Classes that are not learned; undefined where the data directory has no `retrieval/`. */
  retrieval: RetrievalFiles | undefined;
  /** "group/class name" by label of `retrieval`, of those that have names. */
  retrievalClasses?: ReadonlyMap<number, string> | undefined;
}

/** Queries and index of held-out classes. */
export interface RetrievalFiles {
  queries: LabelledFiles;
  index: LabelledFiles;
  /** Where in the index each query stands, -1 where it does not: no query finds itself. Undefined where none stands there. */
  own?: Int32Array | undefined;
}

/** A set of images that a run evaluates on, by its name in `RunData`. */
export type SetName = "train" | "validation" | "queries" | "index";

/** A set of a run's images. @throws UserError for queries or index of a run that has none */
export function imageSet(data: RunData, set: SetName): LabelledFiles<Texts> {
  if (set === "train" || set === "validation") return data[set];
  if (data.retrieval) return data.retrieval[set];
  throw new UserError(
    `Expected held-out classes: this run's data has no ${set}.`,
    "npx guie merge --hold-out 0.2 holds some out.",
  );
}

/** Files of some rows of a set. @param rows positions within the set; default: all of them */
export function filesAt(data: RunData, set: SetName, rows?: ArrayLike<number>): string[] {
  const { files } = imageSet(data, set);
  if (!rows) return [...files];
  return Array.from(rows, (row) => {
    const file = files.at(row);
    if (file === undefined)
      throw new RangeError(`${set} has ${files.length} rows; row ${row} was asked for.`);
    return file;
  });
}

/** The settings that say what a run looks at. */
type DataConfig = Pick<TrainConfig, "dataDir" | "csv" | "fold" | "holdOutShare" | "seed">;

/** Reads the tables of a config. @throws UserError saying which step makes a missing one */
export async function readRunData(config: DataConfig): Promise<RunData> {
  const data = holdOutClasses(await readWholeData(config), config);
  requireClasses(data.classCount, projectPath(config.dataDir, config.csv));
  return data;
}

const LEAST_CLASSES = 2;

/** Refuses to train on one class: a loss of 0 would say nothing. @param source the table or folder it stands in */
export function requireClasses(classes: number, source: string): void {
  if (classes >= LEAST_CLASSES) return;
  throw new UserError(
    `Expected images of ${LEAST_CLASSES} classes or more in ${source}: there is one class, from which nothing can be told apart.`,
    "Add images of another class (get-data, preprocess, merge), or search without training: npx guie embed FOLDER --out FOLDER.",
  );
}

/** The same with all classes of the table, whatever the config's `holdOutShare`. */
export async function readWholeData(config: Pick<DataConfig, "dataDir" | "csv" | "fold">): Promise<RunData> {
  const dataDir = projectPath(config.dataDir);
  const table = await readTrainingTable(dataDir, { csv: config.csv, fold: config.fold });
  return {
    train: { files: table.trainFiles, labels: table.trainLabels },
    validation: { files: table.validationFiles, labels: table.validationLabels },
    classCount: table.classes,
    classes: tableClasses(config.dataDir, config.csv),
    retrieval: await readRetrievalFiles(dataDir),
    retrievalClasses: heldOutClasses(dataDir),
  };
}

/** The held-out retrieval set below a data directory, or undefined where there is none. */
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

/** Where in the index each query stands, by its path; -1 where it does not. @returns undefined where none does */
export function ownPositions(queries: readonly string[], index: readonly string[]): Int32Array | undefined {
  const places = new Map(index.map((file, row) => [posix.normalize(file), row]));
  const own = Int32Array.from(queries, (file) => places.get(posix.normalize(file)) ?? -1);
  return own.some((row) => row >= 0) ? own : undefined;
}

/** The distinct files of several lists, sorted: the rows of a feature file. */
export function distinctFiles(...lists: Texts[]): string[] {
  const files = new Set<string>();
  for (const list of lists) for (const file of list) files.add(file);
  return [...files].sort();
}
