// Cross-validated rungs of a set of photos with few classes: every class is scored by a model that has not learned it.
import type { ProgressOptions } from "../common/progress";
import { joinRows } from "../common/vectors";
import type { ComparisonSettings, TrainingSettings } from "../config/parts";
import {
  crossValidate,
  type Fit,
  ldaFit,
  neckFit,
  rawFit,
  standardisedFit,
  whitenedFit,
} from "../experiments/cross_validate";
import { heldOutFiles } from "../experiments/ladder";
import { readTrainImages } from "../experiments/transform_rungs";
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

/**
 * Cross-validates rungs over all classes, held-out ones included. Each is compared with the best one below it.
 * @param config the frozen stage's; its data directory has held-out classes
 * @param fits by the rung's name
 */
export async function crossValidateRungs(
  config: ComparisonSettings & TrainingSettings,
  fits: Readonly<Record<string, Fit>>,
  options: ProgressOptions = {},
): Promise<ComparisonRow[]> {
  const train = await readTrainImages(config);
  const { queries, index } = await heldOutFiles(config.dataDir);
  const parts = [
    await ensureFeatures(config, "train", train.files, options),
    await ensureFeatures(config, "queries", queries.files, options),
    await ensureFeatures(config, "index", index.files, options),
  ];
  const features = joinRows(parts, parts[0]!.length);
  const learned = Array.from(train.labels);
  const held = [queries, index].flatMap(({ labels }) => Array.from(labels));
  const first = 1 + learned.reduce((highest, label) => Math.max(highest, label), -1);
  const labels = [...learned, ...held.map((label) => first + label)];
  return crossValidate(features, labels, fits, { against: "best", ...options });
}
