// Opens the weights of a run's checkpoint, after checking them against the run's config.

import type { WeightShapeSettings } from "../config/parts";
import { requireTensors } from "../formats/tensor_file";
import { headShapes, rowsPerClass } from "../model/head";
import { adapterShapes, mergedSource } from "../model/lora";
import { findTower, patchGrid, towerShapes } from "../model/towers";
import { featureLength } from "../model/vit";
import { CONSTANT_NAMES, HEAD_WEIGHT, TOWER_PREFIX } from "../model/weight_names";
import type { WeightSource } from "../model/weight_source";
import type { CheckpointRef } from "./checkpoint_ref";
import { readRunConfig } from "./run_folder";
import { checkpointWeights } from "./store";

type Shapes = WeightSource["shapes"];

/**
 * Opens a checkpoint's weights after checking all their names and shapes against the run's config. Adapters are merged
 * into the tower's matrices.
 * @param wanted selects weights by name; default: all
 * @throws UserError if the file or the average is missing, or a tensor is missing, unexpected or of another shape
 */
export function runWeights(
  { folder, path, kind }: CheckpointRef,
  wanted: (name: string) => boolean = () => true,
): WeightSource {
  const config = readRunConfig(folder);
  const source = checkpointWeights(path, kind, CONSTANT_NAMES);
  try {
    const found = new Map([...source.shapes].map(([name, shape]) => [name, { shape }]));
    const next = "Take another checkpoint of the run, or the config.json with which it was trained.";
    requireTensors(path, found, expectedShapes(config, source.shapes), "the run's config.json", next);
  } catch (error) {
    source.close();
    throw error;
  }
  const merged = mergedSource(source, config.loraAlpha);
  return { ...merged, shapes: new Map([...merged.shapes].filter(([name]) => wanted(name))) };
}

/** Returns the shapes expected for this config; the file gives the number of classes and the width of given features. */
function expectedShapes(config: WeightShapeSettings, found: Shapes): ReadonlyMap<string, readonly number[]> {
  const tower = findTower(config.tower);
  const given = (found.get("neck.hidden.weight") ?? found.get("neck.weight"))?.[1];
  const features = config.features === "" ? featureLength(tower, config) : (given ?? 0);
  const classes = Math.floor((found.get(HEAD_WEIGHT)?.[0] ?? 0) / rowsPerClass(config));
  const shapes = new Map<string, readonly number[]>(Object.entries(headShapes(config, features, classes)));
  const hidden = found.get("neck.hidden.weight")?.[0];
  if (shapes.has("neck.hidden.weight") && hidden !== undefined) {
    // earlier versions used one hidden width for all embedding lengths
    shapes.set("neck.hidden.weight", [hidden, features]);
    shapes.set("neck.hidden.bias", [hidden]);
    shapes.set("neck.weight", [config.embeddingDim, hidden]);
  }
  if (config.stage === "frozen") return shapes;
  const trained = { ...tower, positionGrid: patchGrid(tower, config.imageSize) };
  for (const [name, shape] of towerShapes(trained))
    if (name !== "proj") shapes.set(TOWER_PREFIX + name, shape);
  for (const [name, shape] of adapterShapes(tower, config)) shapes.set(TOWER_PREFIX + name, shape);
  return shapes;
}
