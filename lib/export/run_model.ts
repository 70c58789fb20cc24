// A model as it is exported: tower, neck and fitted map, without the head.
import { atEvaluationSize } from "../config/model";
import type { EmbedderSettings, WeightMeaningSettings } from "../config/parts";
import { weightsPath } from "../config/paths";
import type { FoundBase, FoundModel } from "../embedding/find_model";
import { reductionWeights } from "../embedding/transform_embedder";
import { reductionPath } from "../embedding/transform_model";
import { towerWeights } from "../model/backbone";
import type { Tower } from "../model/tower";
import { trainedAtSize } from "../model/tower_weights";
import { findTower } from "../model/towers";
import { featureLength } from "../model/vit";
import { isOfNeck, isOfTower, TOWER_PREFIX, TRANSFORM_NAMES } from "../model/weight_names";
import { joinSources, type WeightSource, withPrefix } from "../model/weight_source";
import { readReduction } from "../retrieval/reduction_file";
import type { CheckpointRef } from "../runs/checkpoint_ref";
import { readRunConfig } from "../runs/run_folder";
import { runWeights } from "../runs/run_weights";
import type { EmbeddingGraph } from "./embedding_graph";

/** A trained model; its weights are still in their files. */
export interface RunModel {
  config: Readonly<WeightMeaningSettings>;
  tower: Tower;
  /** Tensors `visual.*` and `neck.*`. */
  weights: WeightSource;
}

/** A model to export; its weights are still in their files. */
export interface ExportedModel {
  config: EmbeddingGraph["config"];
  tower: Tower;
  /** Tensors `visual.*`; `neck.*` of a run; `transform.*` of a whitened or LDA model. */
  weights: WeightSource;
}

/** Returns the number of values of an exported model's vectors. */
export function vectorLength({ config, tower, weights: { shapes } }: ExportedModel): number {
  const mapped = shapes.get(TRANSFORM_NAMES[1])?.[1] ?? shapes.get("neck.bias")?.[0];
  return mapped ?? featureLength(tower, config);
}

/** Opens any model to export it. @throws UserError if there are no such weights */
export function openFoundModel(found: FoundModel): ExportedModel {
  if (found.kind !== "transform") return openBase(found);
  const { weights, ...base } = openBase(found.base);
  return {
    ...base,
    weights: joinSources(weights, reductionWeights(readReduction(reductionPath(found.model)))),
  };
}

/** Returns the file that a model is read from: an export must not replace it. */
export function inputOf(found: FoundModel): string {
  if (found.kind === "run") return found.checkpoint.path;
  return found.kind === "backbone" ? weightsPath(found.config) : reductionPath(found.model);
}

function openBase(found: FoundBase): ExportedModel {
  if (found.kind === "run") return openAtEvaluationSize(found.checkpoint);
  const { config } = found;
  const tower = findTower(config.tower);
  return { config, tower, weights: withPrefix(TOWER_PREFIX, towerWeights(config, tower)) };
}

/** Opens the model of a run's checkpoint for the image size at which it embeds. */
function openAtEvaluationSize(checkpoint: CheckpointRef): RunModel {
  const trained = readRunConfig(checkpoint.folder);
  const model = openCheckpoint(checkpoint, atEvaluationSize(trained));
  if (trained.stage === "frozen") return model; // its tower was read for that size
  const sizes = { trainedPx: trained.imageSize, wantedPx: model.config.imageSize, prefix: TOWER_PREFIX };
  return { ...model, weights: trainedAtSize(model.weights, model.tower, sizes) };
}

/**
 * Opens the model of a run's checkpoint for the image size of its training, or another one for a frozen run.
 * @param config settings of the run
 * @throws UserError if there are no such weights, or a frozen run's backbone is missing
 */
export function openCheckpoint(
  checkpoint: CheckpointRef,
  config: RunModel["config"] & EmbedderSettings = readRunConfig(checkpoint.folder),
): RunModel {
  const tower = findTower(config.tower);
  const isFrozen = config.stage === "frozen";
  const ofModel = (name: string) => isOfNeck(name) || (!isFrozen && isOfTower(name));
  const trained = runWeights(checkpoint, ofModel);
  const weights = isFrozen
    ? joinSources(withPrefix(TOWER_PREFIX, towerWeights(config, tower)), trained)
    : trained;
  return { config, tower, weights };
}
