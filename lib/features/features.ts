// Frozen features: the backbone's features of images, kept in a folder. Shapes: N images, F features, V views.
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../common/errors";
import { fileFingerprint, seeFile } from "../common/files/fingerprint";
import { keptFolder } from "../common/files/kept_folder";
import type { Part } from "../common/files/part";
import { checkInterrupt, withSignal } from "../common/interrupt";
import type { ProgressOptions, TaskOptions } from "../common/progress";
import type { Texts } from "../common/texts";
import { rowOf, sliceRows, type Vectors, zeroVectors } from "../common/vectors";
import type { PatchPoolingSettings } from "../config/model";
import type { FileFeatureSettings } from "../config/parts";
import { dataFolder, weightsPath } from "../config/paths";
import { normaliseImages } from "../images/loading/loader";
import { PixelLoader, type UnusableImage } from "../images/loading/pixel_loader";
import { planViews, type Views } from "../images/loading/views";
import type { RgbImage } from "../images/pixels/rgb_image";
import { type Backbone, loadBackbone } from "../model/backbone";
import { FEATURE_FILES, type Features, type MadeBy, readSummary } from "./feature_files";
import type { EmbedShard, FeaturePlan, ShardResult } from "./feature_plan";
import { ensureKeptShare, type FeatureShare } from "./feature_share";
import type { FeatureSources } from "./feature_sources";
import { ensureKeptFeatures } from "./feature_writer";

/** Number of images per batch. */
const BATCH_SIZE = 32;

/** Folders with a notice that numbers do not fit float16: one for train, queries and index together. */
const NOTICED = new Set<string>();

/** Options of vectors of images. */
export interface ViewOptions extends ProgressOptions {
  /** Views of each image, whose features are averaged; default: the whole image. */
  views?: Views | undefined;
}

/**
 * Returns features of `files`: from the folder `features/<tower>_<size>px_last<n>/<set>` below the data directory if it
 * holds exactly these images, unchanged, by these weights, else computed and written there (`keptFolder`).
 * @param set a name for the list of images: `train`, `queries`, `index`
 * @returns rows in the order of `files`, [N, F]
 * @throws UserError if an image cannot be read
 * @example
 * const train = await ensureFeatures(config, "train", files);
 */
export async function ensureFeatures(
  config: FileFeatureSettings,
  set: string,
  files: Texts,
  { signal, ...options }: TaskOptions & ViewOptions = {},
): Promise<Vectors> {
  const features = await withSignal(signal, () => ensureBackboneFeatures(config, set, files, options));
  requireAll(features, files.length);
  return features.readAll();
}

/** Returns these features as a folder, without the images that could not be read. */
export async function ensureBackboneFeatures(
  config: FileFeatureSettings,
  set: string,
  files: Texts,
  { onProgress, views }: ViewOptions = {},
): Promise<Features> {
  return withBackbone(config, set, files, { onProgress, views }, async (plan, embedder, isUsed) => {
    const parts = featureParts(config, setOfViews(set, views));
    const features = await ensureKeptFeatures(dataFolder(config), parts, plan, embedder);
    const siblings = dirname(features.folder);
    if (isUsed() && features.dtype === "float32" && !NOTICED.has(siblings)) {
      NOTICED.add(siblings);
      const note = "kept as float32: some numbers exceed 65,504, the largest float16";
      onProgress?.({
        stage: `embed ${set}`,
        unit: "images",
        note,
        done: files.length,
        total: files.length,
      });
    }
    return features;
  });
}

/**
 * Embeds one part of these features, next to other processes that embed the others; `ensureFeatures` then completes
 * them. @throws UserError, UnreachableFile as `ensureFeatures`, except for images that cannot be read
 */
export async function embedBackboneShare(
  config: FileFeatureSettings,
  set: string,
  files: Texts,
  { part, onProgress }: ProgressOptions & { part: Part },
): Promise<FeatureShare> {
  return withBackbone(config, set, files, { onProgress }, (plan, embedder) =>
    ensureKeptShare(dataFolder(config), featureParts(config, set), { plan, part, embedder }),
  );
}

/** Calls `work` with the plan of a set's features, and a function that loads the backbone to embed it. */
async function withBackbone<T>(
  config: FileFeatureSettings,
  set: string,
  files: Texts,
  { onProgress, views }: ViewOptions,
  work: (plan: FeaturePlan, embedder: () => Promise<EmbedShard>, isUsed: () => boolean) => Promise<T>,
): Promise<T> {
  let backbone: Backbone | undefined;
  const plan = {
    rows: { files },
    madeBy: madeByBackbone(config, views),
    replace: true,
    sources: backboneSources(config, dataFolder(config)),
  };
  const embedder = async () => {
    backbone = await loadBackbone(config);
    return imageEmbedder(config, backbone, { views, stage: set, total: files.length, onProgress });
  };
  try {
    return await work(plan, embedder, () => backbone !== undefined);
  } finally {
    backbone?.dispose();
  }
}

/** Returns the name under which vectors of a list of images are kept: each kind of views has its own. */
export function setOfViews(set: string, views: Views = "whole"): string {
  return views === "whole" ? set : `${set}_${views}`;
}

/** Returns the folder in which `ensureFeatures` keeps the features of a set. */
export function featureFolder(config: FileFeatureSettings, set: string): string {
  const [home, parts] = [dataFolder(config), featureParts(config, set)];
  const [own, kept] = [join(home, ...parts), keptFolder(home, ...parts)];
  return !readSummary(kept) && readSummary(own) ? own : kept;
}

function featureParts(
  { tower, imageSize, resizeMode, lastBlocks, patchPooling, gemPower }: FileFeatureSettings,
  set: string,
): string[] {
  const pooling = { none: "", mean: "_mean", gem: `_gem${gemPower}` }[patchPooling];
  const mode = resizeMode === "squash" ? "" : `_${resizeMode}`;
  return ["features", `${tower}_${imageSize}px${mode}_last${lastBlocks}${pooling}`, set];
}

/** Returns the properties that a backbone's features depend on; weights by their content. */
export function madeByBackbone(config: FileFeatureSettings, views: Views = "whole"): MadeBy {
  const { tower, weights, imageSize, resizeMode, lastBlocks, precision, seed } = config;
  const path = weightsPath(config);
  const content =
    weights === "random" ? `seed ${seed}` : existsSync(path) ? fileFingerprint(path) : "missing";
  const patchMean = patchesOf(config);
  // features that were made before this setting existed do not name it
  const mode: MadeBy = resizeMode === "squash" ? {} : { resizeMode };
  return { tower, weights, content, imageSize, lastBlocks, patchMean, precision, views, ...mode };
}

/**
 * Returns the pooling of patches as folders of features note it, under `patchMean`: true or false, as it was before
 * there was GeM, so that these folders stay valid.
 */
function patchesOf({ patchPooling, gemPower }: PatchPoolingSettings): boolean | string {
  return patchPooling === "gem" ? `gem ${gemPower}` : patchPooling === "mean";
}

/** Returns the settings that differ between a folder's features and those of a config: "tower a, not b". */
export function backboneDifferences(noted: MadeBy, config: FileFeatureSettings): string[] {
  const { tower, imageSize, resizeMode, lastBlocks } = config;
  const found: MadeBy = "imageSize" in noted ? { resizeMode: "squash", ...noted } : noted;
  const wanted: MadeBy = { tower, imageSize, resizeMode, lastBlocks, patchMean: patchesOf(config) };
  return Object.entries(wanted)
    .filter(([name, value]) => name in found && found[name] !== value)
    .map(([name, value]) =>
      name === "patchMean"
        ? `patchPooling ${poolingIn(found[name]!)}, not ${poolingIn(value)}`
        : `${name} ${found[name]}, not ${value}`,
    );
}

function poolingIn(noted: MadeBy[string]): string {
  return typeof noted === "boolean" ? (noted ? "mean" : "none") : String(noted);
}

/** Returns the files that a backbone's features of images below a folder depend on. */
export function backboneSources(config: FileFeatureSettings, folder: string): FeatureSources {
  return { folder, weights: config.weights === "random" ? undefined : weightsPath(config) };
}

/**
 * Computes the backbone's features of images.
 * @returns [N, F] in the order of `files`
 * @throws UserError if an image cannot be read
 * @example
 * await computeFeatures(config, await loadBackbone(config), ["images/a.jpg"], "sample");
 */
export async function computeFeatures(
  config: FileFeatureSettings,
  backbone: Pick<Backbone, "tower" | "features" | "length">,
  files: readonly string[],
  stage: string,
  { signal, onProgress }: TaskOptions = {},
): Promise<Vectors> {
  for (const file of files) {
    if (!(await seeFile(resolve(dataFolder(config), file))))
      throw unreadable(1, files.length, describe({ file, reason: "missing file" }));
  }
  const embed = imageEmbedder(config, backbone, { stage, total: files.length, onProgress });
  const { vectors, skipped } = await withSignal(signal, () => embed(files, 0));
  if (skipped.length > 0) throw unreadable(skipped.length, files.length, describe(skipped[0]!));
  return vectors;
}

/** Options of embedding images, and of its progress reports. */
export interface EmbedOptions extends ViewOptions {
  /** A name for the list of images. */
  stage: string;
  /** Number of images in the list. */
  total: number;
}

/** Returns a function that embeds images below the data directory; it decodes the next batch during computation. */
export function imageEmbedder(
  config: Pick<FileFeatureSettings, "dataDir" | "imageSize" | "resizeMode" | "numWorkers">,
  backbone: Pick<Backbone, "tower" | "features" | "length">,
  { views = "whole", stage, total, onProgress }: EmbedOptions,
): EmbedShard {
  const viewsPerImage = planViews(views, config.imageSize).parts.length;
  const batchSize = Math.max(1, Math.floor(BATCH_SIZE / viewsPerImage));
  const loader = new PixelLoader({ ...config, dataDir: dataFolder(config) }, backbone.tower);
  return async (files, start) => {
    const rows = new RowCollector(files.length, backbone.length, viewsPerImage);
    const load = (from: number) => {
      const batch = loader.loadUsable(files.slice(from, from + batchSize), views);
      batch.catch(() => {}); // handled where it is awaited
      return batch;
    };
    let pending = load(0);
    for (let done = 0; done < files.length; ) {
      const { values, unusable, contents } = await pending;
      const next = Math.min(files.length, done + batchSize);
      if (next < files.length) pending = load(next);
      rows.add(await backbone.features(values), unusable, contents);
      loader.release(values);
      onProgress?.({ stage: `embed ${stage}`, done: start + next, total, unit: "images", note: rows.note });
      done = next;
      await checkInterrupt();
    }
    return rows.result();
  };
}

/**
 * Computes the backbone's features of images in memory, [N, F].
 * @param images squares of the side that their views are cut from (`planViews`)
 */
export async function featuresOfImages(
  { tower, features, length }: Pick<Backbone, "tower" | "features" | "length">,
  images: readonly RgbImage[],
  imageSizePx: number,
  views: Views = "whole",
): Promise<Vectors> {
  const plan = planViews(views, imageSizePx);
  const values = await features(normaliseImages(images, tower, plan));
  const vectors = zeroVectors(images.length, length);
  addMeans(values, plan.parts.length, vectors, 0);
  return vectors;
}

/** Adds the mean over each image's views to rows. @param features [B, V, F] @param first the row of the first image */
function addMeans(features: Float32Array, views: number, into: Vectors, first: number): void {
  const valuesPerImage = views * into.length;
  for (let from = 0, image = first; from < features.length; from += valuesPerImage, image++) {
    const row = rowOf(into, image);
    for (let i = 0; i < valuesPerImage; i++) row[i % into.length]! += features[from + i]! / views;
  }
}

/** Collects the features of a shard's images: the mean over each image's views. */
class RowCollector {
  readonly #vectors: Vectors;
  readonly #views: number;
  readonly #skipped: UnusableImage[] = [];
  readonly #contents: string[] = [];
  #count = 0;

  constructor(count: number, length: number, views: number) {
    this.#vectors = zeroVectors(count, length);
    this.#views = views;
  }

  /** A note for the progress line. */
  get note(): string | undefined {
    return this.#skipped.length > 0 ? `${this.#skipped.length} skipped` : undefined;
  }

  /** Adds a batch. @param features [B, V, F] */
  add(features: Float32Array, unusable: readonly UnusableImage[], contents: readonly string[]): void {
    this.#skipped.push(...unusable);
    this.#contents.push(...contents);
    addMeans(features, this.#views, this.#vectors, this.#count);
    this.#count += features.length / (this.#views * this.#vectors.length);
  }

  result(): ShardResult {
    return {
      vectors: sliceRows(this.#vectors, 0, this.#count),
      skipped: this.#skipped,
      contents: this.#contents,
    };
  }
}

/** Throws UserError if features of images are missing. */
export function requireAll({ folder, count, skipped }: Features, wanted: number): void {
  if (count === wanted) return;
  throw unreadable(skipped, wanted, `they are listed in ${folder}/${FEATURE_FILES.skipped}`);
}

const describe = ({ file, reason }: UnusableImage) => `the first is ${file}: ${reason}`;

function unreadable(count: number, total: number, which: string): UserError {
  return new UserError(
    `${count} of ${total} images could not be read; ${which}.`,
    "Replace or remove them; `npx guie preprocess` skips and lists such files.",
  );
}
