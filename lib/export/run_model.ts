// A run's model as it is exported: tower and neck, without the head.
import type { WeightMeaningSettings } from "../config/parts";
import { towerWeights } from "../model/backbone";
import type { Tower } from "../model/tower";
import { findTower } from "../model/towers";
import { isOfNeck, isOfTower, TOWER_PREFIX } from "../model/weight_names";
import { joinSources, type WeightSource, withPrefix } from "../model/weight_source";
import { findCheckpoint } from "../runs/checkpoint_ref";
import { readRunConfig } from "../runs/run_folder";
import { runWeights } from "../runs/run_weights";

/** A trained model; its weights are still in their files. */
export interface RunModel {
  config: Readonly<WeightMeaningSettings>;
  tower: Tower;
  /** Tensors `visual.*` and `neck.*`. */
  weights: WeightSource;
}

/**
 * Opens a run's model.
 * @param run as `findCheckpoint` takes it: a run's name (its last checkpoint), `RUN/best`, `RUN/epoch_3:ema`
 * @throws UserError if there are no such weights, or a frozen run's backbone is missing
 */
export function openRunModel(run: string): RunModel {
  const checkpoint = findCheckpoint(run);
  const config = readRunConfig(checkpoint.folder);
  const tower = findTower(config.tower);
  const isFrozen = config.stage === "frozen";
  const ofModel = (name: string) => isOfNeck(name) || (!isFrozen && isOfTower(name));
  const trained = runWeights(checkpoint, ofModel);
  const weights = isFrozen
    ? joinSources(withPrefix(TOWER_PREFIX, towerWeights(config, tower)), trained)
    : trained;
  return { config, tower, weights };
}
