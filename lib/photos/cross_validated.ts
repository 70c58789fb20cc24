// Cross-validated rungs of a set of photos with few classes: every class is scored by a model that has not learned it.
// Shapes: N photos, F features.
import type { ProgressOptions } from "../common/progress";
import { joinRows, type Vectors } from "../common/vectors";
import type { ComparisonSettings, TrainingSettings } from "../config/parts";
import {
  CrossValidation,
  type Fit,
  ldaFit,
  neckFit,
  rawFit,
  standardisedFit,
  whitenedFit,
} from "../experiments/cross_validate";
import { heldOutFiles, pixelVectors } from "../experiments/ladder";
import { type TrainImages, trainFeatures } from "../experiments/transform_rungs";
import { ensureFeatures } from "../features/features";
import type { ComparisonRow } from "../retrieval/evaluation";

/** The fits of rungs that take seconds on the backbone's features. */
export function quickFits(config: ComparisonSettings & TrainingSettings) {
  return {
    backbone: config.standardise ? standardisedFit : rawFit,
    whitened: whitenedFit,
    lda: ldaFit,
    frozen: neckFit(config),
  } satisfies Record<string, Fit>;
}

/** All photos with their classes: those to learn, then the held-out ones. */
export interface AllPhotos {
  files: string[];
  /** The backbone's features, [N, F]. */
  features: Vectors;
  /** [N]. */
  labels: number[];
}

/**
 * Embeds all photos of a data directory by the backbone.
 * @param config the frozen stage's; its data directory has held-out classes
 * @param train the images to learn, as `readTrainImages` reads them
 */
export async function embedAllPhotos(
  config: ComparisonSettings,
  train: TrainImages,
  options: ProgressOptions = {},
): Promise<AllPhotos> {
  const { queries, index } = await heldOutFiles(config.dataDir);
  const parts = [
    await trainFeatures(config, { train, ...options }),
    await ensureFeatures(config, "queries", queries.files, options),
    await ensureFeatures(config, "index", index.files, options),
  ];
  const learned = Array.from(train.labels);
  const held = [queries, index].flatMap(({ labels }) => Array.from(labels));
  const first = 1 + learned.reduce((highest, label) => Math.max(highest, label), -1);
  return {
    files: [...train.files, ...queries.files, ...index.files],
    features: joinRows(parts, parts[0]!.length),
    labels: [...learned, ...held.map((label) => first + label)],
  };
}

/** Begins a cross-validation of rungs over all classes, held-out ones included, each against the best below it. */
export function validationOf({ features, labels }: AllPhotos): CrossValidation {
  return new CrossValidation(features, labels, { against: "best" });
}

/** Scores the photos' pixels as the other rungs are: every photo searches all others. */
export async function validatePixels(
  config: ComparisonSettings,
  { files, labels }: AllPhotos,
): Promise<ComparisonRow> {
  const pixels = await pixelVectors(config, files);
  return (await new CrossValidation(pixels, labels).score("pixels", rawFit))!;
}
