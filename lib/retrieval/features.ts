// Frozen features: every image once through the backbone, kept in a file. Shapes: N images, F features.
import { breathe } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import { projectPath } from "../common/project";
import type { TrainConfig } from "../config/config";
import { loadImages, normaliseImages } from "../images/loader";
import { type Backbone, loadBackbone } from "../model/backbone";
import type { Vectors } from "./neighbours";
import { cachedVectors } from "./vector_file";

const BATCH_SIZE = 32;

/** The settings on which features depend. */
export type FeatureConfig = Pick<
  TrainConfig,
  "dataDir" | "tower" | "weights" | "imageSize" | "lastBlocks" | "numWorkers" | "seed" | "precision"
>;

/**
 * Features of `files`, from the file `features/<set>_<tower>_<size>px_last<n>.safetensors` below the data directory
 * when it holds exactly these images by these weights, else computed and written there (beside a CSV that names
 * the rows).
 * @param set a name for the list of images: `train`, `queries`, `index`
 * @returns rows in the order of `files`, [N, F]
 */
export async function ensureFeatures(
  config: FeatureConfig,
  set: string,
  files: readonly string[],
  onProgress?: OnProgress,
): Promise<Vectors> {
  const settings = [
    config.tower,
    config.weights,
    config.imageSize,
    config.lastBlocks,
    config.seed,
    config.precision,
  ];
  return cachedVectors(featurePath(config, set), settings, files, async () => {
    const backbone = await loadBackbone(config);
    try {
      return await computeFeatures(config, backbone, files, set, onProgress);
    } finally {
      backbone.dispose();
    }
  });
}

/** Where `ensureFeatures` keeps the features of a set. */
export function featurePath(config: FeatureConfig, set: string): string {
  const name = `${set}_${config.tower}_${config.imageSize}px_last${config.lastBlocks}.safetensors`;
  return projectPath(config.dataDir, "features", name);
}

/** Runs the backbone over images in their order; the next batch is decoded while the engine computes. */
export async function computeFeatures(
  config: FeatureConfig,
  backbone: Pick<Backbone, "tower" | "features">,
  files: readonly string[],
  stage: string,
  onProgress?: OnProgress,
): Promise<Vectors> {
  const length = config.lastBlocks * backbone.tower.width;
  const data = new Float32Array(files.length * length);
  const load = (start: number) =>
    loadImages(
      projectPath(config.dataDir),
      files.slice(start, start + BATCH_SIZE),
      config.imageSize,
      config.numWorkers,
    );
  let pending = load(0);
  for (let start = 0; start < files.length; start += BATCH_SIZE) {
    const images = await pending;
    if (start + BATCH_SIZE < files.length) pending = load(start + BATCH_SIZE);
    const pixels = normaliseImages(images, backbone.tower);
    data.set(await backbone.features(pixels), start * length);
    onProgress?.({
      stage: `embed ${stage}`,
      done: start + images.length,
      total: files.length,
      unit: "images",
    });
    await breathe();
  }
  return { data, count: files.length, length };
}
