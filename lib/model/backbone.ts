import { existsSync } from "node:fs";
import { UserError } from "../common/errors";
import { projectPath } from "../common/project";
import { randomStream } from "../common/random";
import type { TrainConfig } from "../config/config";
import { tf } from "../tensorflow/tf";
import { findTower, type Tower } from "./towers";
import { initWeights, loadTower, type Weights } from "./vit";

/** A tower with its weights in memory. */
export interface Backbone {
  tower: Tower;
  weights: Weights;
  dispose(): void;
}

/**
 * The backbone that a config names: weights from its file, or random ones where it says `random`.
 * @throws UserError when the file is not there or does not fit the tower
 */
export async function loadBackbone(
  config: Pick<TrainConfig, "tower" | "weights" | "imageSize" | "seed">,
): Promise<Backbone> {
  const tower = findTower(config.tower);
  const weights = await readWeights(config, tower);
  return { tower, weights, dispose: () => tf.dispose(weights) };
}

async function readWeights(
  config: Pick<TrainConfig, "weights" | "imageSize" | "seed">,
  tower: Tower,
): Promise<Weights> {
  if (config.weights === "random")
    return initWeights(tower, randomStream(config.seed, "weights"), config.imageSize);
  const path = projectPath(config.weights);
  if (existsSync(path)) return loadTower(path, tower, config.imageSize);
  throw new UserError(
    `Expected the weights of ${tower.name} at ${path}: there is no such file.`,
    `npx guie prepare-model --model ${tower.name}`,
  );
}
