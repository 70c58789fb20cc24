// A run's model as it is given away: tower and neck, without the head.
import { existsSync } from "node:fs";
import { checkpointWeights, type WeightKind } from "../checkpoints/store";
import { UserError } from "../common/errors";
import type { TrainConfig } from "../config/config";
import { towerOf } from "../model/backbone";
import { findTower, type Tower } from "../model/towers";
import { joinSources, type WeightSource, withPrefix } from "../model/weight_source";
import { TOWER_PREFIX } from "../training/model";
import { checkpointFile, listCheckpoints } from "../training/run_checkpoints";
import { readRunConfig, runFolder } from "../training/run_folder";

/** What stands before the names of the neck's weights. */
const NECK_PREFIX = "neck.";

/** Which of a run's weights. */
export interface WhichWeights {
  /** `last` unless told; `best`, `epoch_2`, ... */
  checkpoint?: string;
  /** `raw` unless told. */
  kind?: WeightKind;
}

/** A trained model whose weights are still in their files. */
export interface RunModel {
  /** The checkpoint. */
  path: string;
  config: Readonly<TrainConfig>;
  tower: Tower;
  /** `visual.*` and `neck.*`. */
  weights: WeightSource;
}

/**
 * Opens a run's model.
 * @param run its name below `checkpoints/`, or its folder
 * @throws UserError when there are no such weights, or a frozen run's backbone is gone
 */
export function openRunModel(
  run: string,
  { checkpoint = "last", kind = "raw" }: WhichWeights = {},
): RunModel {
  const folder = runFolder(run);
  const config = readRunConfig(folder);
  const tower = findTower(config.tower);
  const path = checkpointFile(folder, checkpoint);
  if (!existsSync(path)) {
    throw new UserError(
      `${folder} has no checkpoint "${checkpoint}".`,
      `It has: ${listCheckpoints(folder).join(", ") || "none: train the run first, npx guie train"}.`,
    );
  }
  const isFrozen = config.stage === "frozen";
  const ofModel = (name: string) =>
    name.startsWith(NECK_PREFIX) || (!isFrozen && name.startsWith(TOWER_PREFIX));
  const trained = checkpointWeights(path, ofModel, kind);
  const weights = isFrozen ? joinSources(withPrefix(TOWER_PREFIX, towerOf(config, tower)), trained) : trained;
  return { path, config, tower, weights };
}
