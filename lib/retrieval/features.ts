// Frozen features: every image once through the backbone, kept in a folder. Shapes: N images, F features, V views.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { mapConcurrently } from "../common/concurrent";
import { messageOf, UserError } from "../common/errors";
import { fileFingerprint } from "../common/fingerprint";
import { breathe } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import { projectPath } from "../common/project";
import type { Texts } from "../common/texts";
import type { TrainConfig } from "../config/config";
import { ImageError, type RgbImage } from "../images/decode";
import { normaliseImages } from "../images/loader";
import { loadViews, type Views, viewCount } from "../images/views";
import { type Backbone, loadBackbone } from "../model/backbone";
import { FEATURE_FILES, type Features, type MadeBy } from "./feature_files";
import { type EmbedShard, ensureFeatureFolder, type ShardResult, type SkippedImage } from "./feature_writer";
import type { Vectors } from "./neighbours";

/** Images that go through the engine together. */
const BATCH_SIZE = 32;

/** The settings on which features depend. */
export type FeatureConfig = Pick<
  TrainConfig,
  | "dataDir"
  | "tower"
  | "weights"
  | "imageSize"
  | "lastBlocks"
  | "patchMean"
  | "numWorkers"
  | "seed"
  | "precision"
>;

/**
 * Features of `files`, from the folder `features/<tower>_<size>px_last<n>/<set>` below the data directory when it
 * holds exactly these images by these weights, else computed and written there.
 * @param set a name for the list of images: `train`, `queries`, `index`
 * @returns rows in the order of `files`, [N, F]
 * @throws UserError when one of the images cannot be read
 */
export async function ensureFeatures(
  config: FeatureConfig,
  set: string,
  files: Texts,
  onProgress?: OnProgress,
): Promise<Vectors> {
  const features = await ensureBackboneFeatures(config, set, files, onProgress);
  requireAll(features, files.length);
  return features.readAll();
}

/** The same as a folder, without the images that could not be read. */
export async function ensureBackboneFeatures(
  config: FeatureConfig,
  set: string,
  files: Texts,
  onProgress?: OnProgress,
): Promise<Features> {
  let backbone: Backbone | undefined;
  const plan = { rows: { files }, madeBy: madeByBackbone(config), replace: true };
  try {
    return await ensureFeatureFolder(featureFolder(config, set), plan, async () => {
      backbone = await loadBackbone(config);
      return imageEmbedder(config, backbone, { stage: set, total: files.length, onProgress });
    });
  } finally {
    backbone?.dispose();
  }
}

/** Where `ensureFeatures` keeps the features of a set. */
export function featureFolder(config: FeatureConfig, set: string): string {
  const { tower, imageSize, lastBlocks, patchMean } = config;
  const name = `${tower}_${imageSize}px_last${lastBlocks}${patchMean ? "_mean" : ""}`;
  return projectPath(config.dataDir, "features", name, set);
}

/** What a backbone's features depend on; weights by their content. */
export function madeByBackbone(config: FeatureConfig, views: Views = "whole"): MadeBy {
  const { tower, weights, imageSize, lastBlocks, patchMean, precision, seed } = config;
  const path = projectPath(weights);
  const content =
    weights === "random" ? `seed ${seed}` : existsSync(path) ? fileFingerprint(path) : "missing";
  return { tower, weights, content, imageSize, lastBlocks, patchMean, precision, views };
}

/** Runs the backbone over images in their order. @throws UserError when one of them cannot be read */
export async function computeFeatures(
  config: FeatureConfig,
  backbone: Pick<Backbone, "tower" | "features" | "length">,
  files: readonly string[],
  stage: string,
  onProgress?: OnProgress,
): Promise<Vectors> {
  const embed = imageEmbedder(config, backbone, { stage, total: files.length, onProgress });
  const { vectors, skipped } = await embed(files, 0);
  if (skipped.length > 0) throw unreadable(skipped.length, files.length, describe(skipped[0]!));
  return vectors;
}

/** How images are embedded, and how that is reported. */
export interface EmbedOptions {
  /** The whole image unless told. */
  views?: Views;
  /** A name for the list of images. */
  stage: string;
  /** How many there are. */
  total: number;
  onProgress?: OnProgress;
}

/** The backbone's features of images below the data directory; the next batch is decoded while the engine computes. */
export function imageEmbedder(
  { dataDir, imageSize, numWorkers }: Pick<FeatureConfig, "dataDir" | "imageSize" | "numWorkers">,
  backbone: Pick<Backbone, "tower" | "features" | "length">,
  { views = "whole", stage, total, onProgress }: EmbedOptions,
): EmbedShard {
  const batchSize = Math.max(1, Math.floor(BATCH_SIZE / viewCount(views)));
  const load = (files: readonly string[]) =>
    mapConcurrently(files, numWorkers, (file) => readViews(dataDir, file, imageSize, views));
  return async (files, start) => {
    const rows = new RowCollector(files.length, backbone.length);
    let pending = load(files.slice(0, batchSize));
    for (let done = 0; done < files.length; ) {
      const images = await pending;
      const next = done + images.length;
      pending = load(files.slice(next, next + batchSize));
      pending.catch(() => {}); // heard where it is awaited
      await rows.add(images, backbone);
      onProgress?.({ stage: `embed ${stage}`, done: start + next, total, unit: "images", note: rows.note });
      done = next;
      await breathe();
    }
    return rows.result();
  };
}

/** An image's views, or why there are none. */
type Loaded = RgbImage[] | SkippedImage;

async function readViews(folder: string, file: string, imageSizePx: number, views: Views): Promise<Loaded> {
  try {
    return await loadViews(resolve(projectPath(folder), file), imageSizePx, views);
  } catch (error) {
    if (error instanceof UserError && error.cause instanceof ImageError)
      return { file, reason: messageOf(error.cause) };
    throw error;
  }
}

/** The features of a shard's images, one behind the other. */
class RowCollector {
  readonly #data: Float32Array;
  readonly #length: number;
  readonly #skipped: SkippedImage[] = [];
  #count = 0;

  constructor(count: number, length: number) {
    this.#data = new Float32Array(count * length);
    this.#length = length;
  }

  /** For the progress line. */
  get note(): string | undefined {
    return this.#skipped.length > 0 ? `${this.#skipped.length} skipped` : undefined;
  }

  async add(loaded: readonly Loaded[], backbone: Pick<Backbone, "tower" | "features">): Promise<void> {
    const images = loaded.filter((image): image is RgbImage[] => Array.isArray(image));
    this.#skipped.push(...loaded.filter((image): image is SkippedImage => !Array.isArray(image)));
    if (images.length === 0) return;
    const views = images[0]!.length;
    const features = await backbone.features(normaliseImages(images.flat(), backbone.tower));
    for (let image = 0; image < images.length; image++) {
      const start = this.#count++ * this.#length;
      for (let view = 0; view < views; view++) {
        const from = (image * views + view) * this.#length;
        for (let i = 0; i < this.#length; i++) this.#data[start + i]! += features[from + i]! / views;
      }
    }
  }

  result(): ShardResult {
    const [count, length] = [this.#count, this.#length];
    return {
      vectors: { data: this.#data.subarray(0, count * length), count, length },
      skipped: this.#skipped,
    };
  }
}

/** @throws UserError when images are missing among the features */
function requireAll({ folder, count, skipped }: Features, wanted: number): void {
  if (count === wanted) return;
  throw unreadable(skipped, wanted, `they stand in ${folder}/${FEATURE_FILES.skipped}`);
}

const describe = ({ file, reason }: SkippedImage) => `the first is ${file}: ${reason}`;

function unreadable(count: number, of: number, which: string): UserError {
  return new UserError(
    `${count} of ${of} images could not be read; ${which}.`,
    "Replace or remove them; `npx guie preprocess` skips and lists such files.",
  );
}
