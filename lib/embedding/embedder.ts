// Images -> embeddings by a trained run. Shapes: N images, E embedding length.
import { basename } from "node:path";
import { fileFingerprint } from "../common/files/fingerprint";
import type { OnProgress } from "../common/progress";
import { projectPath } from "../common/project";
import type { Vectors } from "../common/vectors";
import type { TrainConfig } from "../config/config";
import { tf } from "../engine/native/tf";
import type { Features, MadeBy } from "../features/feature_files";
import type { EmbedShard, FeaturePlan } from "../features/feature_plan";
import { ensureKeptFeatures } from "../features/feature_writer";
import {
  computeFeatures,
  type EmbedOptions,
  ensureBackboneFeatures,
  imageEmbedder,
  requireAll,
} from "../features/features";
import { normaliseImages } from "../images/loading/loader";
import type { RgbImage } from "../images/pixels/rgb_image";
import { type Backbone, createBackbone, loadBackbone } from "../model/backbone";
import { findTower } from "../model/towers";
import type { Weights } from "../model/vit";
import { isOfTower, TOWER_PREFIX } from "../model/weight_names";
import { toTensors, withoutPrefix } from "../model/weight_source";
import { type CheckpointRef, findCheckpoint } from "../runs/checkpoint_ref";
import { readRunConfig } from "../runs/run_folder";
import { runWeights } from "../runs/run_weights";
import { embedFeatures } from "./embed_images";

/** Loads a run's model. @param run as `findCheckpoint` takes it: a run's name (its last checkpoint), `RUN/best:ema`, ... */
export function loadEmbedder(run: string): Embedder {
  return new Embedder(findCheckpoint(run));
}

/** A run's model, ready to embed images, until it is disposed. Its tower is loaded when it is first needed. */
export class Embedder {
  /** The run's. */
  readonly config: Readonly<TrainConfig>;
  /** The run and its checkpoint, by its content. */
  readonly madeBy: MadeBy;
  readonly #checkpoint: CheckpointRef;
  /** Of neck and head. */
  readonly #weights: Weights;
  #loaded: Promise<Backbone> | undefined;

  /** As `loadEmbedder` makes it. */
  constructor(checkpoint: CheckpointRef) {
    const { folder, path, kind } = checkpoint;
    this.#checkpoint = checkpoint;
    this.config = readRunConfig(folder);
    const average: MadeBy = kind === "raw" ? {} : { average: kind };
    this.madeBy = { run: basename(folder), checkpoint: fileFingerprint(path), ...average };
    this.#weights = toTensors(runWeights(checkpoint, (name) => !isOfTower(name)));
  }

  /** Unit vectors [N, E] of images; paths relative to `folder`. */
  async embedFiles(folder: string, files: readonly string[], onProgress?: OnProgress): Promise<Vectors> {
    const settings = { ...this.config, dataDir: folder };
    const features = await computeFeatures(settings, await this.#backbone(), files, "images", onProgress);
    return embedFeatures(this.#weights, features);
  }

  /** The same of images that are in memory already, at the model's input size (`config.imageSize`). */
  async embedImages(images: readonly RgbImage[]): Promise<Vectors> {
    const { tower, length, features } = await this.#backbone();
    const data = await features(normaliseImages(images, tower));
    return embedFeatures(this.#weights, { data, count: images.length, length });
  }

  /** The same for images below a data directory, as `keepEmbeddings` keeps them. */
  async embed(
    dataDir: string,
    set: string,
    files: readonly string[],
    onProgress?: OnProgress,
  ): Promise<Vectors> {
    return (await this.keepEmbeddings(dataDir, set, files, onProgress)).readAll();
  }

  /**
   * Embeds images below a data directory and keeps the vectors in the run's folder under `embeddings/<set>`: asked for
   * again, they come from there.
   * @param set a name for the list of images
   */
  async keepEmbeddings(
    dataDir: string,
    set: string,
    files: readonly string[],
    onProgress?: OnProgress,
  ): Promise<Features> {
    const plan = {
      ...{ rows: { files }, madeBy: { ...this.madeBy, dataDir }, replace: true },
      rowsPerShard: Math.max(1, files.length),
      dtype: "float32" as const, // scores are those that the run itself measured
    };
    if (this.config.stage === "frozen") return this.#keepFrozen(plan, dataDir, set, onProgress);
    const options = { stage: set, total: files.length, onProgress };
    const kept = { ...plan, sources: { folder: projectPath(dataDir) } };
    const features = await this.#keep(set, kept, () => this.embedShards(dataDir, options));
    requireAll(features, files.length);
    return features;
  }

  /** A frozen run's vectors follow from the backbone's features, which are kept, or are kept for the next run. */
  async #keepFrozen(
    plan: FeaturePlan,
    dataDir: string,
    set: string,
    onProgress?: OnProgress,
  ): Promise<Features> {
    const { files } = plan.rows;
    const features = await ensureBackboneFeatures({ ...this.config, dataDir }, set, files, onProgress);
    requireAll(features, files.length);
    const { content } = features;
    const madeBy = { ...plan.madeBy, ...(content === undefined ? {} : { content }) };
    const embedAll = async (): Promise<EmbedShard> => {
      const vectors = await embedFeatures(this.#weights, features.readAll());
      return async () => ({ vectors, skipped: [] });
    };
    return this.#keep(set, { ...plan, madeBy }, embedAll);
  }

  #keep(set: string, plan: FeaturePlan, embedder: () => Promise<EmbedShard>): Promise<Features> {
    return ensureKeptFeatures(this.#checkpoint.folder, ["embeddings", set], plan, embedder);
  }

  /** For `ensureFeatureFolder`: unit vectors without the images that cannot be read. */
  async embedShards(folder: string, options: EmbedOptions): Promise<EmbedShard> {
    const embed = imageEmbedder({ ...this.config, dataDir: folder }, await this.#backbone(), options);
    return async (files, start) => {
      const { vectors, ...result } = await embed(files, start);
      return { ...result, vectors: await embedFeatures(this.#weights, vectors) };
    };
  }

  /** Frees the weights. */
  dispose(): void {
    tf.dispose(this.#weights);
    this.#loaded?.then((backbone) => backbone.dispose());
  }

  #backbone(): Promise<Backbone> {
    this.#loaded ??= this.config.stage === "frozen" ? loadBackbone(this.config) : this.#trainedBackbone();
    return this.#loaded;
  }

  #trainedBackbone(): Promise<Backbone> {
    const weights = runWeights(this.#checkpoint, isOfTower);
    return createBackbone(findTower(this.config.tower), withoutPrefix(TOWER_PREFIX, weights), this.config);
  }
}
