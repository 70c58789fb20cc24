// The data of the frozen stage: features in memory, and their rows for training, validation and retrieval.
// Shapes: N rows of F features.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../common/errors";
import type { Part } from "../../common/files/part";
import { pickLabels } from "../../common/labels";
import type { ProgressOptions } from "../../common/progress";
import type { Texts } from "../../common/texts";
import { pickRows, type Vectors } from "../../common/vectors";
import { atEvaluationSize } from "../../config/model";
import type { FrozenDataSettings } from "../../config/parts";
import { featuresPath, tablePath } from "../../config/paths";
import { FEATURE_FILES, type Features, openFeatures } from "../../features/feature_files";
import { backboneDifferences, embedBackboneShare, ensureFeatures } from "../../features/features";
import type { FeatureRows } from "../../features/rows_csv";
import { holdOutClasses } from "./choice_classes";
import { requireClasses } from "./learnable";
import { distinctFiles, ownPositions, readWholeData } from "./read_run_data";
import { filesAt, type RunData, type SetName } from "./run_data";

/** Tables and features of a frozen run. */
export interface FrozenData {
  data: RunData;
  /** [N, F] */
  features: Vectors;
  /** The row of `features` for each training row. */
  trainRows: Int32Array;
  /** Returns the features of a set's images. @param rows positions within the set; default: all */
  featuresOf(set: SetName, rows?: ArrayLike<number>): Promise<Vectors>;
}

/** Options of reading the data of a frozen run. */
export interface FrozenDataOptions extends ProgressOptions {
  /**
   * Throws if a run cannot learn from the data, or does not fit; called before any feature is computed.
   * @param distinct number of distinct images
   * @param source the table or folder of the data
   */
  check?(data: Pick<RunData, "train" | "classCount">, distinct: number, source: string): void;
  /** Lets several processes do their part each, then one after the other the whole; if omitted, this one is alone. */
  together?<T>(share: (part: Part) => Promise<void>, whole: () => Promise<T>): Promise<T>;
}

/**
 * Reads the data of a frozen run: the pipeline's table with the backbone's features, which are computed if missing; or
 * only the folder that the setting `features` names.
 * @throws UserError for features of another backbone, without labels, or with gaps between labels
 */
export async function readFrozenData(
  config: FrozenDataSettings,
  options: FrozenDataOptions = {},
): Promise<FrozenData> {
  return config.features ? fromFolder(config, options) : fromPipeline(config, options);
}

/**
 * Holds out a share of the training classes; `features` must contain both parts.
 * @param evaluated the same features at the size of the evaluation
 */
function splitHeldOut(
  config: FrozenDataSettings,
  whole: RunData,
  { features, evaluated = async () => features }: { features: Vectors; evaluated?: () => Promise<Vectors> },
  rowOf: ReadonlyMap<string, number>,
): FrozenData {
  const data = holdOutClasses(whole, config);
  const learned = distinctFiles(data.train.files, data.validation.files);
  return {
    data,
    features: pickRows(features, rowsOf(learned, rowOf)),
    trainRows: rowsOf(data.train.files, rowsByFile(learned)),
    featuresOf: async (set, rows) => pickRows(await evaluated(), rowsOf(filesAt(data, set, rows), rowOf)),
  };
}

async function fromPipeline(config: FrozenDataSettings, options: FrozenDataOptions): Promise<FrozenData> {
  const data = await readWholeData(config);
  requireClasses(data.classCount, tablePath(config));
  const files = distinctFiles(data.train.files, data.validation.files);
  options.check?.(data, files.length, tablePath(config));
  const atSize = atEvaluationSize(config);
  const whole = () => ensureFeatures(config, "train", files, options);
  const share = (part: Part) => embedShares(config, data, files, { ...options, part });
  const features = await (options.together?.(share, whole) ?? whole());
  const rowOf = rowsByFile(files);
  const evaluated = async () =>
    atSize.imageSize === config.imageSize ? features : ensureFeatures(atSize, "train", files, options);
  if (config.holdOutShare > 0) return splitHeldOut(config, data, { features, evaluated }, rowOf);
  return {
    data,
    features,
    trainRows: rowsOf(data.train.files, rowOf),
    featuresOf: async (set, rows) => {
      const isLearned = set === "train" || set === "validation";
      if (isLearned) return pickRows(await evaluated(), rowsOf(filesAt(data, set, rows), rowOf));
      const all = await ensureFeatures(atSize, set, filesAt(data, set), options);
      return rows ? pickRows(all, rows) : all;
    },
  };
}

/** Embeds one part of all features that a run on this data reads. @param files distinct, for training and validation */
async function embedShares(
  config: FrozenDataSettings,
  { validation, retrieval }: RunData,
  files: readonly string[],
  options: ProgressOptions & { part: Part },
): Promise<void> {
  const evaluated = atEvaluationSize(config);
  const holdsOut = config.holdOutShare > 0;
  const isOtherSize = evaluated.imageSize !== config.imageSize;
  await embedBackboneShare(config, "train", files, options);
  if (isOtherSize && (holdsOut || validation.files.length > 0))
    await embedBackboneShare(evaluated, "train", files, options);
  if (holdsOut || !retrieval) return;
  for (const set of ["queries", "index"] as const)
    await embedBackboneShare(evaluated, set, retrieval[set].files, options);
}

/** Reads a folder of features with labels, or a folder with train/, and optionally queries/ and index/ of held-out classes. */
async function fromFolder(config: FrozenDataSettings, { check }: FrozenDataOptions): Promise<FrozenData> {
  const folder = featuresPath(config);
  const hasParts = existsSync(join(folder, "train", FEATURE_FILES.summary));
  const train = await labelled(config, hasParts ? join(folder, "train") : folder);
  const features = train.open.readAll();
  const classCount = requireLabelsWithoutGaps(train.open.folder, train.labels);
  requireClasses(classCount, train.open.folder);
  const rows = Array.from({ length: features.count }, (_, row) => row);
  const validates = (row: number) => train.folds?.[row] === config.fold;
  const trained = rows.filter((row) => !validates(row));
  const validated = rows.filter(validates);
  if (trained.length === 0)
    throw new UserError(
      `${folder}: all rows are in fold ${config.fold}, the validation fold.`,
      "Set fold to another number: npx guie train --fold N",
    );
  const part = (wanted: readonly number[]) => ({
    files: wanted.map((row) => train.files.at(row)!),
    labels: pickLabels(train.labels, wanted),
  });
  const heldOut =
    hasParts && existsSync(join(folder, "queries", FEATURE_FILES.summary))
      ? {
          queries: await labelled(config, join(folder, "queries")),
          index: await labelled(config, join(folder, "index")),
        }
      : undefined;
  const tableOf = ({ files, labels }: Labelled) => ({ files: [...files], labels });
  const retrieval = heldOut && {
    queries: tableOf(heldOut.queries),
    index: tableOf(heldOut.index),
    own: ownPositions(imagePaths(heldOut.queries), imagePaths(heldOut.index)),
  };
  const dataSets = dataSetsOf(train, classCount);
  const data = { train: { ...part(trained), dataSets }, validation: part(validated), classCount, retrieval };
  check?.(data, train.files.length, folder);
  if (config.holdOutShare > 0) return splitHeldOut(config, data, { features }, rowsByFile([...train.files]));
  return {
    data,
    features,
    trainRows: Int32Array.from(trained),
    featuresOf: async (set, rows) => {
      if (set === "queries" || set === "index") {
        const all = heldOut![set].open.readAll();
        return rows ? pickRows(all, rows) : all;
      }
      const featureRows = set === "train" ? trained : validated;
      return pickRows(features, rows ? Array.from(rows, (row) => featureRows[row]!) : featureRows);
    },
  };
}

/** Returns the paths of the images that the features were computed from. */
function imagePaths({ open, files }: Labelled): string[] {
  return Array.from(files, (file) => join(String(open.madeBy.folder), file));
}

/** Returns the data set of each class; undefined if the rows have none, or two for one class. */
function dataSetsOf({ labels, columns }: Labelled, classCount: number): string[] | undefined {
  const dataSets = columns?.get("dataset");
  if (!dataSets) return undefined;
  const ofClass = new Array<string>(classCount);
  let row = 0;
  for (const name of dataSets) {
    const label = labels[row++]!;
    ofClass[label] ??= name;
    if (ofClass[label] !== name) return undefined;
  }
  return ofClass;
}

/** Features whose rows have classes. */
interface Labelled extends FeatureRows {
  open: Features;
  labels: ArrayLike<number>;
}

async function labelled(config: FrozenDataSettings, folder: string): Promise<Labelled> {
  const open = openFeatures(folder);
  requireSameBackbone(config, open);
  const { labels, ...rows } = await open.readRows();
  if (labels) return { ...rows, open, labels };
  throw new UserError(
    `${folder}: ${FEATURE_FILES.rows} has no column "labels".`,
    "Embed a CSV with the columns image_files,labels.",
  );
}

function requireSameBackbone(config: FrozenDataSettings, { folder, madeBy }: Features): void {
  const others = backboneDifferences(madeBy, config);
  if (others.length === 0) return;
  throw new UserError(
    `The features in ${folder} were made with ${others.join("; ")}.`,
    "Give the run the same settings: npx guie train --tower NAME --image-size PX --last-blocks N",
  );
}

/** Checks that labels are 0 .. C-1 without gaps. @returns C */
function requireLabelsWithoutGaps(folder: string, labels: ArrayLike<number>): number {
  const classes = new Set<number>();
  let highest = -1;
  for (let row = 0; row < labels.length; row++) {
    classes.add(labels[row]!);
    highest = Math.max(highest, labels[row]!);
  }
  if (classes.size === highest + 1) return classes.size;
  throw new UserError(
    `${folder}: labels must be 0 .. ${classes.size - 1} for ${classes.size} classes; the highest is ${highest}.`,
    "Number the classes from 0 without gaps, and embed again.",
  );
}

function rowsByFile(files: readonly string[]): ReadonlyMap<string, number> {
  return new Map(files.map((file, row) => [file, row]));
}

function rowsOf(files: Texts, rowOf: ReadonlyMap<string, number>): Int32Array {
  const rows = new Int32Array(files.length);
  let i = 0;
  for (const file of files) {
    const row = rowOf.get(file);
    if (row === undefined)
      throw new UserError(`There are no features of ${file}.`, "Embed the images again.");
    rows[i++] = row;
  }
  return rows;
}
