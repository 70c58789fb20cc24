// Images -> embeddings by a trained run. Shapes: N images, E embedding length.
import { basename, join } from "node:path";
import { checkpointWeights } from "../checkpoints/store";
import { fileFingerprint } from "../common/fingerprint";
import type { OnProgress } from "../common/progress";
import type { TrainConfig } from "../config/config";
import type { RgbImage } from "../images/decode";
import { normaliseImages } from "../images/loader";
import { type Backbone, createBackbone, loadBackbone } from "../model/backbone";
import { findTower } from "../model/towers";
import { toTensors, withoutPrefix } from "../model/weight_source";
import type { MadeBy } from "../retrieval/feature_files";
import { type EmbedShard, ensureFeatureFolder } from "../retrieval/feature_writer";
import { computeFeatures, type EmbedOptions, ensureFeatures, imageEmbedder } from "../retrieval/features";
import type { Vectors } from "../retrieval/neighbours";
import { tf } from "../tensorflow/tf";
import { embedFeatures } from "./evaluate";
import { TOWER_PREFIX } from "./model";
import { findCheckpoint } from "./runs/checkpoint_ref";
import { readRunConfig } from "./runs/run_folder";

/** A run's model, ready to embed images. */
export interface Embedder {
  config: Readonly<TrainConfig>;
  /** The run and its checkpoint, by its content. */
  madeBy: MadeBy;
  /** Unit vectors [N, E] of images; paths relative to `folder`. */
  embedFiles(folder: string, files: readonly string[], onProgress?: OnProgress): Promise<Vectors>;
  /** The same of images that are in memory already, at the model's input size (`config.imageSize`). */
  embedImages(images: readonly RgbImage[]): Promise<Vectors>;
  /**
   * The same for images below a data directory, kept in the run's folder under `embeddings/<set>`: asked for again,
   * they come from there.
   * @param set a name for the list of images
   */
  embed(dataDir: string, set: string, files: readonly string[], onProgress?: OnProgress): Promise<Vectors>;
  /** For `ensureFeatureFolder`: unit vectors without the images that cannot be read. */
  embedShards(folder: string, options: EmbedOptions): Promise<EmbedShard>;
  dispose(): void;
}

/** Loads a run's model. @param run as `findCheckpoint` takes it: a run's name (its last checkpoint), `RUN/best:ema`, ... */
export function loadEmbedder(run: string): Embedder {
  const { folder, path: checkpoint, kind } = findCheckpoint(run);
  const config = readRunConfig(folder);
  const isTower = (name: string) => name.startsWith(TOWER_PREFIX);
  const weights = toTensors(checkpointWeights(checkpoint, (name) => !isTower(name), kind));
  const average: MadeBy = kind === "raw" ? {} : { average: kind };
  const madeBy = { run: basename(folder), checkpoint: fileFingerprint(checkpoint), ...average };
  let loaded: Promise<Backbone> | undefined;
  const backboneOnce = () => {
    loaded ??=
      config.stage === "frozen"
        ? loadBackbone(config)
        : createBackbone(
            findTower(config.tower),
            withoutPrefix(TOWER_PREFIX, checkpointWeights(checkpoint, isTower, kind)),
            config,
          );
    return loaded;
  };
  const embedShards: Embedder["embedShards"] = async (below, options) => {
    const embed = imageEmbedder({ ...config, dataDir: below }, await backboneOnce(), options);
    return async (files, start) => {
      const { vectors, skipped } = await embed(files, start);
      return { vectors: await embedFeatures(weights, vectors), skipped };
    };
  };
  const embedFiles: Embedder["embedFiles"] = async (below, files, onProgress) => {
    const settings = { ...config, dataDir: below };
    return embedFeatures(
      weights,
      await computeFeatures(settings, await backboneOnce(), files, "images", onProgress),
    );
  };
  const embedImages: Embedder["embedImages"] = async (images) => {
    const { tower, length, features } = await backboneOnce();
    const data = await features(normaliseImages(images, tower));
    return embedFeatures(weights, { data, count: images.length, length });
  };
  return {
    ...{ config, madeBy, embedFiles, embedImages, embedShards },
    async embed(dataDir, set, files, onProgress) {
      const embedAll = async (): Promise<EmbedShard> => {
        const vectors =
          config.stage === "fine_tune"
            ? await embedFiles(dataDir, files, onProgress)
            : await embedFeatures(
                weights,
                await ensureFeatures({ ...config, dataDir }, set, files, onProgress),
              );
        return async () => ({ vectors, skipped: [] });
      };
      const rowsPerShard = Math.max(1, files.length);
      const plan = {
        ...{ rows: { files }, madeBy: { ...madeBy, dataDir }, rowsPerShard, replace: true },
        dtype: "float32" as const, // scores are those that the run itself measured
      };
      return (await ensureFeatureFolder(join(folder, "embeddings", set), plan, embedAll)).readAll();
    },
    dispose() {
      tf.dispose(weights);
      loaded?.then((backbone) => backbone.dispose());
    },
  };
}
