// Images -> embeddings by a trained run. Shapes: N images, E embedding length.
import type { TrainConfig } from "../config/config";
import { loadCheckpointWeights } from "../checkpoints/store";
import type { OnProgress } from "../common/progress";
import { findTower } from "../model/towers";
import type { Weights } from "../model/vit";
import { computeFeatures, ensureFeatures } from "../retrieval/features";
import type { Vectors } from "../retrieval/neighbours";
import { tf } from "../tensorflow/tf";
import { towerWeights } from "./build";
import { embedFeatures } from "./evaluate";
import { readRunConfig, runFile, runFolder } from "./run_folder";

/** A run's model, ready to embed images. */
export interface Embedder {
  config: Readonly<TrainConfig>;
  /**
   * Unit vectors [N, E] of images below `dataDir`.
   * @param set a name for the list: a frozen run keeps its features in the file of that name
   */
  embed(dataDir: string, set: string, files: readonly string[], onProgress?: OnProgress): Promise<Vectors>;
  dispose(): void;
}

/** Loads the last checkpoint of a run (its name below `checkpoints/`, or its folder). */
export function loadEmbedder(run: string): Embedder {
  const folder = runFolder(run);
  const config = readRunConfig(folder);
  const weights = loadCheckpointWeights(runFile(folder, "last"));
  return {
    config,
    async embed(dataDir, set, files, onProgress) {
      const features = await featuresFor({ ...config, dataDir }, weights, set, files, onProgress);
      return embedFeatures(weights, features);
    },
    dispose: () => tf.dispose(weights),
  };
}

function featuresFor(
  config: Readonly<TrainConfig>,
  weights: Weights,
  set: string,
  files: readonly string[],
  onProgress?: OnProgress,
): Promise<Vectors> {
  if (config.stage === "frozen") return ensureFeatures(config, set, files, onProgress);
  const backbone = { tower: findTower(config.tower), weights: towerWeights(weights), dispose: () => {} };
  return computeFeatures(config, backbone, files, set, onProgress);
}
