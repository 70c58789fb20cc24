// Cross-validated rungs of a set of photos with few classes: every class is scored by a model that has not learned it.
import type { ProgressOptions } from "../common/progress";
import { joinRows } from "../common/vectors";
import type { ComparisonSettings, TrainingSettings } from "../config/parts";
import {
  crossValidate,
  type Fit,
  neckFit,
  standardisedFit,
  whitenedFit,
} from "../experiments/cross_validate";
import { heldOutFiles } from "../experiments/ladder";
import { trainFeatures } from "../experiments/transform_rungs";
import { ensureFeatures } from "../features/features";
import type { ComparisonRow } from "../retrieval/evaluation";
import { distinctFiles, readWholeData } from "../training/data/read_run_data";

/** The names of the rungs that are cross-validated. */
export interface CrossValidatedNames {
  whitened: string;
  frozen: string;
}

/**
 * Cross-validates the rungs that can be fitted in seconds, over all classes, held-out ones included: the untrained
 * backbone, its whitening, the neck on its frozen features. Each rung is compared with the best one below it.
 * @param config the frozen stage's; its data directory has held-out classes
 */
export async function crossValidateRungs(
  config: ComparisonSettings & TrainingSettings,
  names: CrossValidatedNames,
  options: ProgressOptions = {},
): Promise<ComparisonRow[]> {
  const { train, validation, classCount } = await readWholeData(config);
  const labels = new Map<string, number>();
  for (const { files, labels: classes } of [train, validation]) {
    let row = 0;
    for (const file of files) labels.set(file, classes[row++]!);
  }
  const learned = distinctFiles(train.files, validation.files);
  const { queries, index } = await heldOutFiles(config.dataDir);
  const parts = [
    await trainFeatures(config, options),
    await ensureFeatures(config, "queries", queries.files, options),
    await ensureFeatures(config, "index", index.files, options),
  ];
  const features = joinRows(parts, parts[0]!.length);
  const held = [...Array.from(queries.labels), ...Array.from(index.labels)];
  const all = [...learned.map((file) => labels.get(file)!), ...held.map((label) => classCount + label)];
  const models: Record<string, Fit> = {
    backbone: config.standardise ? standardisedFit : async () => ({ embed: async (rows) => rows }),
    [names.whitened]: whitenedFit,
    [names.frozen]: neckFit(config),
  };
  return crossValidate(features, all, models, { against: "best", ...options });
}
