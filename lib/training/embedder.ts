// Images -> embeddings by a trained run. Shapes: N images, E embedding length.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { checkpointWeights } from "../checkpoints/store";
import type { OnProgress } from "../common/progress";
import type { TrainConfig } from "../config/config";
import { type Backbone, createBackbone, loadBackbone } from "../model/backbone";
import { findTower } from "../model/towers";
import { toTensors, withoutPrefix } from "../model/weight_source";
import { computeFeatures, ensureFeatures } from "../retrieval/features";
import type { Vectors } from "../retrieval/neighbours";
import { cachedVectors } from "../retrieval/vector_file";
import { tf } from "../tensorflow/tf";
import { embedFeatures } from "./evaluate";
import { TOWER_PREFIX } from "./model";
import { readRunConfig, runFile, runFolder } from "./run_folder";

/** A run's model, ready to embed images. */
export interface Embedder {
  config: Readonly<TrainConfig>;
  /** Unit vectors [N, E] of images; paths relative to `folder`. */
  embedFiles(folder: string, files: readonly string[], onProgress?: OnProgress): Promise<Vectors>;
  /**
   * The same for images below a data directory, kept in the run's folder under `embeddings/<set>`: asked for again,
   * they come from there.
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
  const isTower = (name: string) => name.startsWith(TOWER_PREFIX);
  const weights = toTensors(checkpointWeights(checkpoint, (name) => !isTower(name)));
  const madeBy = digestOf(checkpoint);
  let loaded: Promise<Backbone> | undefined;
  const backboneOnce = () => {
    loaded ??=
      config.stage === "frozen"
        ? loadBackbone(config)
        : createBackbone(
            findTower(config.tower),
            withoutPrefix(TOWER_PREFIX, checkpointWeights(checkpoint, isTower)),
            config,
          );
    return loaded;
  };
  const embedFiles: Embedder["embedFiles"] = async (below, files, onProgress) => {
    const backbone = await backboneOnce();
    return embedFeatures(
      weights,
      await computeFeatures({ ...config, dataDir: below }, backbone, files, "images", onProgress),
    );
  };
  return {
    config,
    embedFiles,
    async embed(dataDir, set, files, onProgress) {
      const path = join(folder, "embeddings", `${set}.safetensors`);
      return cachedVectors(path, [await madeBy, dataDir], files, async () => {
        if (config.stage === "fine_tune") return embedFiles(dataDir, files, onProgress);
        return embedFeatures(weights, await ensureFeatures({ ...config, dataDir }, set, files, onProgress));
      });
    },
    dispose() {
      tf.dispose(weights);
      loaded?.then((backbone) => backbone.dispose());
    },
  };
}

/** SHA-256 of a file, hexadecimal. */
async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 22 })) hash.update(chunk);
  return hash.digest("hex");
}
