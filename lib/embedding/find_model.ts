// Finds a model by the name that a person gives, on the command line or in a notebook: MODEL, --model.
import { existsSync } from "node:fs";
import { nearestName, UserError } from "../common/errors";
import type { ProgressOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { prepareCommand } from "../model/tower_weights";
import { findTower } from "../model/towers";
import { parseHubSource } from "../pretrained/hub";
import { MODEL_NAMES } from "../pretrained/prepare_model";
import { type CheckpointRef, seekCheckpoint } from "../runs/checkpoint_ref";
import { listRuns } from "../runs/run_folder";
import { BackboneEmbedder } from "./backbone_embedder";
import { type Embedder, RunEmbedder } from "./embedder";
import { seekTower } from "./prepared_tower";

/** The name of the config's backbone: the preset's, prepared by `guie prepare-model`. */
export const BACKBONE = "backbone";

/** The forms of a model's name that `findModel` accepts, for help and messages. */
export const MODEL_FORMS =
  "a run (RUN, RUN/best, RUN/epoch_3:ema), a tower (dinov2-vit-s-14), a file of weights, or hub:owner/name";

/** A trained run's checkpoint, or a backbone with its settings. */
export type FoundModel<Config extends Embedder["config"] = Embedder["config"]> =
  | { kind: "run"; checkpoint: CheckpointRef }
  | { kind: "backbone"; config: Config };

/**
 * Finds the model that a text names:
 * - `RUN`, `RUN/best`, `RUN/epoch_3:ema`, a checkpoint's path: a run, as `findCheckpoint` accepts it
 * - `dinov2-vit-s-14`: a tower whose weights `prepareModel` has written
 * - the path of a file or folder with weights; `hub:owner/name`: fetched and prepared once, below
 *   `checkpoints/prepared/`
 * - `backbone`, or nothing: the backbone of `config`
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
  if (reference === undefined || reference === BACKBONE) return { kind: "backbone", config };
  const checkpoint = seekCheckpoint(reference);
  if (checkpoint) return { kind: "run", checkpoint };
  const found = await seekTower(reference, options);
  if (!found) throw missingModel(reference);
  const { tower, weights } = found;
  const { imageSizePx: imageSize } = findTower(tower);
  const own = tower === config.tower ? {} : { imageSize, lastBlocks: 1, patchMean: false };
  return { kind: "backbone", config: { ...config, tower, weights, ...own } };
}

/** Opens a found model; the caller disposes of it. */
export function openModel(found: FoundModel): Embedder {
  return found.kind === "run" ? new RunEmbedder(found.checkpoint) : new BackboneEmbedder(found.config);
}

/**
 * Finds a run's checkpoint for a purpose that a backbone does not serve.
 * @param lacks a sentence that says what a backbone lacks
 * @throws UserError if the text does not name a run
 */
export function requireRunModel(reference: string, lacks: string): CheckpointRef {
  const checkpoint = seekCheckpoint(reference);
  if (checkpoint) return checkpoint;
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
  const runs = listRuns();
  const near = nearestName(reference, [...runs, ...MODEL_NAMES]);
  return new UserError(
    `Expected a model, got "${reference}": there is no such run, tower or file. There are the runs ${runs.join(", ") || "(none)"}.`,
    `${near ? `Did you mean "${near}"? ` : ""}A model is ${MODEL_FORMS}.`,
  );
}
