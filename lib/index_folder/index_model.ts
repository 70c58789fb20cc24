// The model of an index, found by what its features.json says of it.
import { UserError } from "../common/errors";
import { fileFingerprint } from "../common/files/fingerprint";
import type { ProgressOptions } from "../common/progress";
import type { Embedder } from "../embedding/embedder";
import { type FoundModel, findModel, openModel } from "../embedding/find_model";
import type { Features, MadeBy } from "../features/feature_files";
import { modelText, requireSameModel } from "../features/same_model";
import { seekCheckpoint } from "../runs/checkpoint_ref";

/** A model by name, and the settings of one that is not named. */
export interface ModelChoice<Config extends Embedder["config"]> extends ProgressOptions {
  /** As `findModel` takes it; default: the model that made the index. */
  model?: string | undefined;
  /** Settings that an index does not note: threads, places. */
  config: Config;
}

/**
 * Opens the model of an index; the caller disposes of it.
 * @throws UserError if it is not found, or another model than that of the index is named
 * @example
 * const model = await openIndexModel(openFeatures("features/photos"), { config: demo() });
 */
export async function openIndexModel<Config extends Embedder["config"]>(
  features: Pick<Features, "folder" | "madeBy">,
  { model, config, ...options }: ModelChoice<Config>,
): Promise<Embedder> {
  const found =
    model === undefined ? await ownModel(features, config, options) : await findModel(model, config, options);
  const embedder = openModel(withSettings(found, features.madeBy));
  try {
    requireSameModel(features, embedder, model);
    return embedder;
  } catch (error) {
    embedder.dispose();
    throw error;
  }
}

async function ownModel<Config extends Embedder["config"]>(
  { folder, madeBy }: Pick<Features, "folder" | "madeBy">,
  config: Config,
  options: ProgressOptions,
): Promise<FoundModel<Config>> {
  const { transform, run, tower, weights } = madeBy;
  if (transform !== undefined) return findModel(String(transform), config, options);
  if (run !== undefined) return runOf(madeBy, folder);
  if (tower !== undefined && weights !== undefined)
    return { kind: "backbone", config: { ...config, tower: String(tower), weights: String(weights) } };
  throw new UserError(
    `${folder} holds vectors that no model of this project made.`,
    "Search vectors of your own by the functions of the package: docs/how_to/features.md.",
  );
}

/** Finds the checkpoint of a run that made vectors: its last one, or its best. */
function runOf({ run, checkpoint, average }: MadeBy, folder: string): FoundModel<never> {
  const ending = average === undefined ? "" : `:${average}`;
  for (const name of [`${run}${ending}`, `${run}/best${ending}`]) {
    const found = seekCheckpoint(name);
    if (found && fileFingerprint(found.path) === checkpoint) return { kind: "run", checkpoint: found };
  }
  throw new UserError(
    `${folder} holds features by ${modelText({ run: run! })}: neither its last nor its best checkpoint is that one.`,
    "Name it: --model RUN/epoch_3, or --model and the path of the run's folder.",
  );
}

/** Returns a backbone with the settings by which it made features. */
function withSettings<Config extends Embedder["config"]>(
  found: FoundModel<Config>,
  { tower, imageSize, resizeMode = "squash", lastBlocks, patchMean, precision, content }: MadeBy,
): FoundModel<Config> {
  if (found.kind !== "backbone" || found.config.tower !== tower) return found;
  const gem = /^gem (.+)$/.exec(String(patchMean))?.[1];
  const seed = /^seed (\d+)$/.exec(String(content))?.[1];
  const noted = {
    imageSize: Number(imageSize),
    resizeMode: String(resizeMode) as Config["resizeMode"],
    lastBlocks: Number(lastBlocks),
    patchPooling: gem === undefined ? (patchMean === true ? "mean" : "none") : "gem",
    ...(gem === undefined ? {} : { gemPower: Number(gem) }),
    precision: String(precision) as Config["precision"],
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  } as const;
  return { kind: "backbone", config: { ...found.config, ...noted } };
}
