// The rungs of `fit` that need no training: whitening and LDA of the backbone's features.
import { UserError } from "../common/errors";
import type { ProgressOptions } from "../common/progress";
import type { ComparisonSettings } from "../config/parts";
import { dataFolder } from "../config/paths";
import { seekTransform, type TransformKind } from "../embedding/transform_model";
import { fitTransformModel } from "../experiments/fit_transform";
import type { TrainImages } from "../experiments/transform_rungs";

/** A rung without training. */
export interface TransformRung extends ProgressOptions {
  name: string;
  kind: TransformKind;
  config: ComparisonSettings;
  /** The training images of the data directory, if they have been read already. */
  train?: TrainImages | undefined;
  /** Replace a model of this name that was fitted to other photos. */
  overwrite?: boolean | undefined;
}

/**
 * Fits a whitening or an LDA to the training images of the config's data directory and writes it as a model. A model of
 * this name that was fitted to the same directory is fitted again: that takes seconds.
 * @returns the reason if it cannot be fitted to these photos; undefined if it is there
 * @throws UserError if the name belongs to another model
 */
export async function tryTransform({ overwrite, ...rung }: TransformRung): Promise<string | undefined> {
  const before = seekTransform(rung.name);
  const isOwn = before && dataFolder({ dataDir: before.fittedTo.folder }) === dataFolder(rung.config);
  if (before && !isOwn && !overwrite)
    throw new UserError(
      `${rung.name} is a model of other photos: ${before.fittedTo.folder}.`,
      "Choose another --name, or give --overwrite.",
    );
  try {
    await fitTransformModel({ ...rung, overwrite: before !== undefined });
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.what;
    throw error;
  }
}
