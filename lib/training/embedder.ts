// Images -> embeddings by a trained run. Shapes: N images, E embedding length.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { loadCheckpointWeights } from "../checkpoints/store";
import type { OnProgress } from "../common/progress";
import type { TrainConfig } from "../config/config";
import { findTower } from "../model/towers";
import type { Weights } from "../model/vit";
import { computeFeatures, ensureFeatures } from "../retrieval/features";
import type { Vectors } from "../retrieval/neighbours";
import { cachedVectors } from "../retrieval/vector_file";
import { tf } from "../tensorflow/tf";
import { towerWeights } from "./build";
import { embedFeatures } from "./evaluate";
import { readRunConfig, runFile, runFolder } from "./run_folder";

/** A run's model, ready to embed images. */
export interface Embedder {
  config: Readonly<TrainConfig>;
  /**
   * Unit vectors [N, E] of images below `dataDir`, kept in the run's folder under `embeddings/<set>`: asked for
   * again, they come from there.
   * @param set a name for the list of images
   */
  embed(dataDir: string, set: string, files: readonly string[], onProgress?: OnProgress): Promise<Vectors>;
  dispose(): void;
}

/** Loads the last checkpoint of a run (its name below `checkpoints/`, or its folder). */
export function loadEmbedder(run: string): Embedder {
  const folder = runFolder(run);
  const config = readRunConfig(folder);
  const checkpoint = runFile(folder, "last");
  const weights = loadCheckpointWeights(checkpoint);
  const madeBy = digestOf(checkpoint);
  return {
    config,
    async embed(dataDir, set, files, onProgress) {
      const path = join(folder, "embeddings", `${set}.safetensors`);
      return cachedVectors(path, [await madeBy, dataDir], files, async () => {
        const features = await featuresFor({ ...config, dataDir }, weights, set, files, onProgress);
        return embedFeatures(weights, features);
      });
    },
    dispose: () => tf.dispose(weights),
  };
}

/** SHA-256 of a file, hexadecimal. */
async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 22 })) hash.update(chunk);
  return hash.digest("hex");
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
