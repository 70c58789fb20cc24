// The rungs `whitened` and `lda`: fitted to the training images of a data directory, never to queries or index.
// Shapes: N images, F features.
import type { TaskOptions } from "../common/progress";
import type { Vectors } from "../common/vectors";
import type { ComparisonSettings } from "../config/parts";
import { TRANSFORM_KINDS, type TransformKind } from "../embedding/transform_model";
import { ensureFeatures } from "../features/features";
import { fitLda } from "../retrieval/lda";
import type { Reduction } from "../retrieval/reduction";
import { fitWhitening } from "../retrieval/whitening";
import { imageKeysOf, type Learned } from "../runs/learned_classes";
import { distinctFiles, readWholeData } from "../training/data/read_run_data";

/** Distinct training and validation images, with their classes. */
export interface TrainImages {
  files: string[];
  /** [N]. */
  labels: Int32Array;
  /** Names "data set/class name" by label, if the table has names. */
  classes: readonly string[] | undefined;
}

/** Options of work on the training images of a data directory. */
export interface TrainImagesOptions extends TaskOptions {
  /** These images, if they have been read already. */
  train?: TrainImages | undefined;
}

/** Returns the kind that a rung's name says; undefined for other models. */
export function transformKind(model: string): TransformKind | undefined {
  return TRANSFORM_KINDS.find((kind) => kind === model);
}

/** Reads the distinct training and validation images of the config's data directory. */
export async function readTrainImages(config: ComparisonSettings): Promise<TrainImages> {
  const { train, validation, classes } = await readWholeData(config);
  const labelOf = new Map<string, number>();
  for (const { files, labels } of [train, validation]) {
    let row = 0;
    for (const file of files) labelOf.set(file, labels[row++]!);
  }
  const files = distinctFiles(train.files, validation.files);
  return { files, labels: Int32Array.from(files, (file) => labelOf.get(file)!), classes };
}

/**
 * Returns features of all distinct training and validation images.
 * @example
 * const train = await trainFeatures(preset("demo", "frozen"));
 */
export async function trainFeatures(
  config: ComparisonSettings,
  { train, ...options }: TrainImagesOptions = {},
): Promise<Vectors> {
  const { files } = train ?? (await readTrainImages(config));
  return ensureFeatures(config, "train", files, options);
}

/**
 * Fits a rung to the backbone's features of the training images.
 * @returns undefined for a whitening of too few images: the rung is then the backbone itself
 * @throws UserError for an LDA of one class, or of classes of one image
 */
export async function fitRung(
  config: ComparisonSettings,
  kind: TransformKind,
  { train: given, ...options }: TrainImagesOptions = {},
): Promise<Reduction | undefined> {
  const train = given ?? (await readTrainImages(config));
  const features = await trainFeatures(config, { train, ...options });
  return kind === "lda" ? fitLda(features, train.labels) : fitWhitening(features);
}

/** Returns what a rung has learned: both have seen the training images, LDA also their classes. */
export async function learnedByRung(config: ComparisonSettings, kind: TransformKind): Promise<Learned> {
  const { files, classes } = await readTrainImages(config);
  return {
    classes: new Set(kind === "lda" ? classes : []),
    images: imageKeysOf(files),
    dataDir: config.dataDir,
    isPartial: false,
    usesNoLabels: kind === "whitened",
  };
}
