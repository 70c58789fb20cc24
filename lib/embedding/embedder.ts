// Embeds images with a trained run's model. Shapes: N images, E embedding length.
import { basename } from "node:path";
import { fileFingerprint } from "../common/files/fingerprint";
import type { ProgressOptions } from "../common/progress";
import { projectPath } from "../common/project";
import type { Vectors } from "../common/vectors";
import { atEvaluationSize } from "../config/model";
import type { EmbedderSettings, FileFeatureSettings } from "../config/parts";
import { tf } from "../engine/native/tf";
import type { MappedVectors, PhotoEmbedder } from "../features/embed_photos";
import type { Features, MadeBy } from "../features/feature_files";
import type { EmbedShard, FeaturePlan } from "../features/feature_plan";
import type { FeatureSources } from "../features/feature_sources";
import { ensureKeptFeatures } from "../features/feature_writer";
import {
  backboneSources,
  computeFeatures,
  type EmbedOptions,
  ensureBackboneFeatures,
  featuresOfImages,
  imageEmbedder,
  madeByBackbone,
  requireAll,
  setOfViews,
  type ViewOptions,
} from "../features/features";
import type { Views } from "../images/loading/views";
import type { RgbImage } from "../images/pixels/rgb_image";
import { type Backbone, createBackbone, loadBackbone } from "../model/backbone";
import { trainedAtSize } from "../model/tower_weights";
import { findTower } from "../model/towers";
import type { Weights } from "../model/vit";
import { isOfTower, TOWER_PREFIX } from "../model/weight_names";
import { toTensors, withoutPrefix } from "../model/weight_source";
import type { CheckpointRef } from "../runs/checkpoint_ref";
import { readRunConfig } from "../runs/run_folder";
import { runWeights } from "../runs/run_weights";
import { embedFeatures } from "./embed_images";
import { LazyBackbone } from "./lazy_backbone";

/** A model that embeds images until it is disposed of. It loads its tower on first use. */
export interface Embedder {
  /** The settings of the run; for a backbone, settings like those of a frozen run. */
  readonly config: Readonly<FileFeatureSettings>;
  /** The properties that its vectors depend on; weights by their content. */
  readonly madeBy: MadeBy;
  /** The model whose vectors it maps, and the map; undefined for a model that reads pixels by weights of its own. */
  readonly mapped?: MappedVectors | undefined;
  /** Number of values of a vector: E of a run, F of a backbone. */
  readonly length: number;
  /** Embeds images, by paths relative to `folder`: vectors [N, E]. A run's vectors have unit length. */
  embedFiles(folder: string, files: readonly string[], options?: ProgressOptions): Promise<Vectors>;
  /**
   * Embeds images in memory: squares of the model's input size (`config.imageSize`), or of the side that their views are
   * cut from (`planViews`).
   */
  embedImages(images: readonly RgbImage[], views?: Views): Promise<Vectors>;
  /** Embeds images below a data directory, and keeps the vectors as `keepEmbeddings` does. */
  embed(dataDir: string, set: string, files: readonly string[], options?: ViewOptions): Promise<Vectors>;
  /** Embeds images below a data directory and keeps the vectors on disk. @param set name of the list of images */
  keepEmbeddings(
    dataDir: string,
    set: string,
    files: readonly string[],
    options?: ViewOptions,
  ): Promise<Features>;
  /** Returns a function that embeds shards, without images that cannot be read, for `ensureFeatureFolder`. */
  embedShards(folder: string, options: EmbedOptions): Promise<EmbedShard>;
  /** Returns the files that vectors of images below a folder depend on. */
  sourcesOf(folder: string): FeatureSources;
  /** Frees the weights. */
  dispose(): void;
}

/** Returns the views of vectors as their folder notes them; vectors of whole images do not name them. */
export function viewsNote({ views = "whole" }: ViewOptions): MadeBy {
  return views === "whole" ? {} : { views };
}

/** The part that all embedders share. */
export abstract class KeepingEmbedder {
  abstract keepEmbeddings(...given: Parameters<Embedder["keepEmbeddings"]>): Promise<Features>;

  async embed(...given: Parameters<Embedder["embed"]>): Promise<Vectors> {
    return (await this.keepEmbeddings(...given)).readAll();
  }
}

/** A run's model: tower and neck. */
export class RunEmbedder extends KeepingEmbedder implements Embedder {
  /** The run's settings at the size of its evaluation. */
  readonly config: Readonly<EmbedderSettings>;
  readonly #trainedPx: number;
  /** The run and the content of its checkpoint. */
  readonly madeBy: MadeBy;
  readonly #checkpoint: CheckpointRef;
  /** Weights of neck and head. */
  readonly #weights: Weights;
  readonly #backbone = new LazyBackbone(() =>
    this.config.stage === "frozen" ? loadBackbone(this.config) : this.#trainedBackbone(),
  );

  constructor(checkpoint: CheckpointRef) {
    super();
    const { folder, path, kind } = checkpoint;
    this.#checkpoint = checkpoint;
    const trained = readRunConfig(folder);
    this.config = atEvaluationSize(trained);
    this.#trainedPx = trained.imageSize;
    const { imageSize } = this.config;
    const size: MadeBy = imageSize === trained.imageSize ? {} : { imageSize };
    const average: MadeBy = kind === "raw" ? {} : { average: kind };
    this.madeBy = { run: basename(folder), checkpoint: fileFingerprint(path), ...average, ...size };
    this.#weights = toTensors(runWeights(checkpoint, (name) => !isOfTower(name)));
  }

  get length(): number {
    return this.#weights["neck.bias"]!.shape[0]!;
  }

  /** A frozen run maps its backbone's features by its neck. */
  get mapped(): MappedVectors | undefined {
    if (this.config.stage !== "frozen") return undefined;
    const base: PhotoEmbedder = {
      madeBy: madeByBackbone(this.config),
      sourcesOf: (folder) => backboneSources(this.config, folder),
      embedShards: async (folder, options) =>
        imageEmbedder({ ...this.config, dataDir: folder }, await this.#backbone.get(), options),
    };
    return { base, map: (vectors) => embedFeatures(this.#weights, vectors) };
  }

  async embedFiles(
    folder: string,
    files: readonly string[],
    options: ProgressOptions = {},
  ): Promise<Vectors> {
    const settings = { ...this.config, dataDir: folder };
    const features = await computeFeatures(settings, await this.#backbone.get(), files, "images", options);
    return embedFeatures(this.#weights, features);
  }

  async embedImages(images: readonly RgbImage[], views?: Views): Promise<Vectors> {
    const { imageSize } = this.config;
    const features = await featuresOfImages(await this.#backbone.get(), images, imageSize, views);
    return embedFeatures(this.#weights, features);
  }

  /**
   * Embeds images below a data directory and keeps the vectors in the run's folder under `embeddings/<set>`; the next
   * call reads them from there.
   * @param set name of the list of images
   */
  async keepEmbeddings(
    dataDir: string,
    set: string,
    files: readonly string[],
    options: ViewOptions = {},
  ): Promise<Features> {
    const plan = {
      rows: { files },
      madeBy: { ...this.madeBy, dataDir, ...viewsNote(options) },
      replace: true,
      rowsPerShard: Math.max(1, files.length),
      dtype: "float32" as const, // so that scores equal those that the run itself measured
    };
    if (this.config.stage === "frozen") return this.#keepFrozen(plan, dataDir, set, options);
    const shards = { stage: set, total: files.length, ...options };
    const kept = { ...plan, sources: this.sourcesOf(dataDir) };
    const features = await this.#keep(setOfViews(set, options.views), kept, () =>
      this.embedShards(dataDir, shards),
    );
    requireAll(features, files.length);
    return features;
  }

  /** Computes a frozen run's vectors from the backbone's features, which are kept for other runs. */
  async #keepFrozen(
    plan: FeaturePlan,
    dataDir: string,
    set: string,
    options: ViewOptions,
  ): Promise<Features> {
    const { files } = plan.rows;
    const features = await ensureBackboneFeatures({ ...this.config, dataDir }, set, files, options);
    requireAll(features, files.length);
    const { content } = features;
    const madeBy = { ...plan.madeBy, ...(content === undefined ? {} : { content }) };
    const embedAll = async (): Promise<EmbedShard> => {
      const vectors = await embedFeatures(this.#weights, features.readAll());
      return async () => ({ vectors, skipped: [] });
    };
    return this.#keep(setOfViews(set, options.views), { ...plan, madeBy }, embedAll);
  }

  #keep(set: string, plan: FeaturePlan, embedder: () => Promise<EmbedShard>): Promise<Features> {
    return ensureKeptFeatures(this.#checkpoint.folder, ["embeddings", set], plan, embedder);
  }

  async embedShards(folder: string, options: EmbedOptions): Promise<EmbedShard> {
    const embed = imageEmbedder({ ...this.config, dataDir: folder }, await this.#backbone.get(), options);
    return async (files, start) => {
      const { vectors, ...result } = await embed(files, start);
      return { ...result, vectors: await embedFeatures(this.#weights, vectors) };
    };
  }

  sourcesOf(folder: string): FeatureSources {
    return { folder: projectPath(folder) };
  }

  dispose(): void {
    tf.dispose(this.#weights);
    this.#backbone.dispose();
  }

  #trainedBackbone(): Promise<Backbone> {
    const tower = findTower(this.config.tower);
    const trained = withoutPrefix(TOWER_PREFIX, runWeights(this.#checkpoint, isOfTower));
    const sizes = { trainedPx: this.#trainedPx, wantedPx: this.config.imageSize };
    return createBackbone(tower, trainedAtSize(trained, tower, sizes), this.config);
  }
}
