// Embeds images with a pretrained backbone alone. Shapes: N images, F features.
import type { ProgressOptions } from "../common/progress";
import type { Vectors } from "../common/vectors";
import type { Features, MadeBy } from "../features/feature_files";
import type { EmbedShard } from "../features/feature_plan";
import type { FeatureSources } from "../features/feature_sources";
import {
  backboneSources,
  computeFeatures,
  type EmbedOptions,
  ensureBackboneFeatures,
  imageEmbedder,
  madeByBackbone,
  requireAll,
} from "../features/features";
import { normaliseImages } from "../images/loading/loader";
import type { RgbImage } from "../images/pixels/rgb_image";
import { type Backbone, loadBackbone } from "../model/backbone";
import type { Embedder } from "./embedder";

/** A tower with pretrained weights. Its vectors are the backbone's features, [N, F], not normalised. */
export class BackboneEmbedder implements Embedder {
  readonly config: Embedder["config"];
  readonly madeBy: MadeBy;
  #loaded: Promise<Backbone> | undefined;

  constructor(config: Embedder["config"]) {
    this.config = config;
    this.madeBy = madeByBackbone(config);
  }

  async embedFiles(
    folder: string,
    files: readonly string[],
    options: ProgressOptions = {},
  ): Promise<Vectors> {
    return computeFeatures(this.#below(folder), await this.#backbone(), files, "images", options);
  }

  async embedImages(images: readonly RgbImage[]): Promise<Vectors> {
    const { tower, length, features } = await this.#backbone();
    return { data: await features(normaliseImages(images, tower)), count: images.length, length };
  }

  async embed(
    dataDir: string,
    set: string,
    files: readonly string[],
    options: ProgressOptions = {},
  ): Promise<Vectors> {
    return (await this.keepEmbeddings(dataDir, set, files, options)).readAll();
  }

  async keepEmbeddings(
    dataDir: string,
    set: string,
    files: readonly string[],
    options: ProgressOptions = {},
  ): Promise<Features> {
    const features = await ensureBackboneFeatures(this.#below(dataDir), set, files, options);
    requireAll(features, files.length);
    return features;
  }

  async embedShards(folder: string, options: EmbedOptions): Promise<EmbedShard> {
    return imageEmbedder(this.#below(folder), await this.#backbone(), options);
  }

  sourcesOf(folder: string): FeatureSources {
    return backboneSources(this.config, folder);
  }

  dispose(): void {
    // If loading failed, the caller got the error, and there is nothing to free.
    void this.#loaded?.then(
      (backbone) => backbone.dispose(),
      () => undefined,
    );
  }

  #below(dataDir: string): Embedder["config"] {
    return { ...this.config, dataDir };
  }

  #backbone(): Promise<Backbone> {
    this.#loaded ??= loadBackbone(this.config);
    return this.#loaded;
  }
}
