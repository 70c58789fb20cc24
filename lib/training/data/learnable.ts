// Refuses training data that nothing can be learned from, before anything is computed.
import { UserError } from "../../common/errors";
import type { LossSettings } from "../../config/loss";
import type { BatchSettings, OptimiserSettings } from "../../config/optimiser";
import { type PlaceSettings, processCount } from "../../config/processes";
import type { SamplingSettings } from "../../config/sampling";
import { requireDataSets } from "./data_set_order";
import type { RunData } from "./run_data";

/** The smallest number of classes that can be told apart. */
const LEAST_CLASSES = 2;

const SEARCH_ADVICE = "or search without training: npx guie embed FOLDER --out FOLDER.";

/** Throws if there is only one class: the loss would always be 0. @param source the table or folder of the classes */
export function requireClasses(classes: number, source: string): void {
  if (classes >= LEAST_CLASSES) return;
  throw new UserError(
    `Expected images of ${LEAST_CLASSES} classes or more in ${source}: there is one class, so there is nothing to tell apart.`,
    `Add images of another class (get-data, preprocess, merge), ${SEARCH_ADVICE}`,
  );
}

/**
 * Throws if a run cannot learn from its training rows: one class, no class with two images, fewer rows than a step
 * takes, or one data set where the config distinguishes them.
 * @param source the table or folder of the rows
 */
export function requireLearnable(
  { train, classCount }: Pick<RunData, "train" | "classCount">,
  config: Pick<BatchSettings, "batchSize"> &
    Pick<OptimiserSettings, "leastSteps"> &
    Pick<SamplingSettings, "dataSetSampling"> &
    Pick<LossSettings, "heads"> &
    PlaceSettings,
  source: string,
): void {
  requireClasses(classCount, source);
  if (!hasPair(train)) {
    throw new UserError(
      `Expected a class with two images or more in ${source}: each of its ${classCount} classes has one image to learn from, apart from those that validate, so nothing shows what a class has in common.`,
      `Add images to a class (get-data, preprocess, merge), ${SEARCH_ADVICE}`,
    );
  }
  if (config.dataSetSampling !== "rows")
    requireDataSets(train, source, `dataSetSampling = ${config.dataSetSampling}`);
  if (config.heads === "by_data_set") requireDataSets(train, source, "heads = by_data_set");
  const rows = train.files.length;
  const needed = config.batchSize * processCount(config);
  if (rows >= needed || config.leastSteps > 0) return;
  throw new UserError(
    `${source} has ${rows} images to learn from, fewer than the ${needed} of one step.`,
    `Take the preset small, which goes through few images often (npx guie train --config-name small), lower batchSize (--batch-size ${largestPowerOfTwo(rows)}), or merge more images.`,
  );
}

/** Tells whether a class has two different images. */
function hasPair({ files, labels }: RunData["train"]): boolean {
  const firsts = new Map<number, string>();
  let row = 0;
  for (const file of files) {
    const label = labels[row++]!;
    const first = firsts.get(label);
    if (first !== undefined && first !== file) return true;
    firsts.set(label, file);
  }
  return false;
}

function largestPowerOfTwo(most: number): number {
  return 2 ** Math.floor(Math.log2(most));
}
