// Finds a model by the name that a person gives, on the command line or in a notebook: MODEL, --model.
import { existsSync } from "node:fs";
import { nearestName, UserError } from "../common/errors";
import type { ProgressOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { vit224 } from "../config/presets";
import { prepareCommand } from "../model/tower_weights";
import { findTower } from "../model/towers";
import { parseHubSource } from "../pretrained/hub";
import { MODEL_NAMES, preparePackaged } from "../pretrained/prepare_model";
import { type CheckpointRef, findCheckpoint, seekCheckpoint } from "../runs/checkpoint_ref";
import { listRuns } from "../runs/run_folder";
import { BackboneEmbedder } from "./backbone_embedder";
import { type Embedder, RunEmbedder } from "./embedder";
import { seekTower } from "./prepared_tower";
import { TransformEmbedder } from "./transform_embedder";
import { listTransforms, seekTransform, TRANSFORM_KINDS, type TransformModel } from "./transform_model";

/** The name of the config's backbone: the preset's, prepared by `guie prepare-model`. */
export const BACKBONE = "backbone";

/** The forms of a model's name that `findModel` accepts, for help and messages. */
export const MODEL_FORMS =
  "a run (RUN, RUN/best, RUN/epoch_3:ema), a whitened or LDA model (guie whiten), a tower (dinov2-vit-s-14), a file of " +
  "weights, or hub:owner/name";

/** A model that computes vectors by itself: a trained run's checkpoint, or a backbone with its settings. */
export type FoundBase<Config extends Embedder["config"] = Embedder["config"]> =
  | { kind: "run"; checkpoint: CheckpointRef }
  | { kind: "backbone"; config: Config };

/** Such a model, or one that maps its vectors by a fitted map. */
export type FoundModel<Config extends Embedder["config"] = Embedder["config"]> =
  | FoundBase<Config>
  | { kind: "transform"; model: TransformModel; base: FoundBase<Config> };

/**
 * Finds the model that a text names:
 * - `RUN`, `RUN/best`, `RUN/epoch_3:ema`, a checkpoint's path: a run, as `findCheckpoint` accepts it
 * - `shop_whitened`: a whitened or LDA model, written by `fitTransformModel`
 * - `dinov2-vit-s-14`: a tower whose weights `prepareModel` has written
 * - the path of a file or folder with weights; `hub:owner/name`: fetched and prepared once, below
 *   `checkpoints/prepared/`
 * - `backbone`, or nothing: the backbone of `config`; the small one of the demo is fetched if it is not there
 *
 * The tower of `config` embeds with the settings of `config`; any other tower at its own image size, with the features
 * of its last block.
 * @throws UserError if nothing is found, with the models there are; if weights fit no tower or several
 */
export async function findModel<Config extends Embedder["config"]>(
  reference: string | undefined,
  config: Config,
  options: ProgressOptions = {},
): Promise<FoundModel<Config>> {
  if (reference === undefined || reference === BACKBONE || reference === config.tower) {
    await preparePackaged(config, options);
    if (reference !== config.tower) return { kind: "backbone", config };
  }
  const checkpoint = seekCheckpoint(reference);
  if (checkpoint) return { kind: "run", checkpoint };
  const model = seekTransform(reference);
  if (model) return { kind: "transform", model, base: baseOf(model, config) };
  const found = await seekTower(reference, options);
  if (!found) throw missingModel(reference);
  const { tower, weights } = found;
  const { imageSizePx: imageSize } = findTower(tower);
  const own = tower === config.tower ? {} : { imageSize, lastBlocks: 1, patchPooling: "none" as const };
  return { kind: "backbone", config: { ...config, tower, weights, ...own } };
}

/** Finds the base of a whitened or LDA model. @throws UserError if its run is gone */
function baseOf<Config extends Embedder["config"]>(
  { base }: TransformModel,
  config: Config,
): FoundBase<Config> {
  if ("run" in base) return { kind: "run", checkpoint: findCheckpoint(base.run) };
  return { kind: "backbone", config: { ...config, ...base } };
}

/**
 * Opens a found model; the caller disposes of it.
 * @throws UserError if a whitened or LDA model was fitted to vectors of other weights than there are now
 */
export function openModel(found: FoundModel): Embedder {
  if (found.kind === "run") return new RunEmbedder(found.checkpoint);
  if (found.kind === "backbone") return new BackboneEmbedder(found.config);
  const base = openModel(found.base);
  try {
    requireSameBase(found.model, base);
    return new TransformEmbedder(found.model, base);
  } catch (error) {
    base.dispose();
    throw error;
  }
}

function requireSameBase({ name, madeBy }: TransformModel, base: Embedder): void {
  const names = [...new Set([...Object.keys(madeBy), ...Object.keys(base.madeBy)])];
  const other = names.find((name) => name !== "weights" && madeBy[name] !== base.madeBy[name]);
  if (other === undefined) return;
  throw new UserError(
    `${name} was fitted to vectors of another model than there is now: ${other} was ${madeBy[other]}, now ${base.madeBy[other]}.`,
    "Fit it again: npx guie whiten --help",
  );
}

/**
 * Loads a run's model, or a whitened or LDA model.
 * @param name a run's name (its last checkpoint), `RUN/best:ema`, ..., or that of a model by `fitTransformModel`
 * @throws UserError if there is none of this name
 * @example
 * const { data } = await loadEmbedder("demo_fine_tune/best").embedFiles("photos", ["a.jpg"]);
 */
export function loadEmbedder(name: string): Embedder {
  const model = seekCheckpoint(name) ? undefined : seekTransform(name);
  if (model) return openModel({ kind: "transform", model, base: baseOf(model, vit224("frozen")) });
  return new RunEmbedder(findCheckpoint(name));
}

/**
 * Finds a run's checkpoint for a purpose that a backbone does not serve.
 * @param lacks a sentence that says what a backbone lacks
 * @throws UserError if the text does not name a run
 */
export function requireRunModel(reference: string, lacks: string): CheckpointRef {
  const checkpoint = seekCheckpoint(reference);
  if (checkpoint) return checkpoint;
  if (seekTransform(reference))
    throw new UserError(
      `${reference} is a whitened or LDA model, without a trained neck and head. ${lacks}`,
      "`npx guie runs` lists the runs.",
    );
  if (!isBackbone(reference)) throw missingModel(reference);
  throw new UserError(
    `${reference} is a backbone, without a trained neck and head. ${lacks}`,
    "Train a run on it: npx guie train --stage frozen --tower TOWER --weights FILE; `npx guie runs` lists the runs.",
  );
}

function isBackbone(reference: string): boolean {
  if (reference === BACKBONE || MODEL_NAMES.includes(reference)) return true;
  return parseHubSource(reference) !== undefined || existsSync(projectPath(reference));
}

function missingModel(reference: string): UserError {
  const isTower = MODEL_NAMES.includes(reference);
  if (isTower)
    return new UserError(
      `The weights of ${reference} are not prepared yet: checkpoints/ has no file with them.`,
      prepareCommand(findTower(reference)),
    );
  const kind = TRANSFORM_KINDS.find((kind) => kind === reference);
  if (kind)
    return new UserError(
      `"${kind}" is a rung of the ladder: guie evaluate and guie compare fit it to the training images of a data directory.`,
      `Keep it as a model of its own: npx guie whiten --data-dir DIR${kind === "lda" ? " --lda" : ""} --name NAME`,
    );
  const runs = [...listRuns(), ...listTransforms().map(({ name }) => name)];
  const near = nearestName(reference, [...runs, ...MODEL_NAMES]);
  return new UserError(
    `Expected a model, got "${reference}": there is no such run, tower or file. There are ${runs.join(", ") || "no runs yet"}.`,
    `${near ? `Did you mean "${near}"? ` : ""}A model is ${MODEL_FORMS}.`,
  );
}
