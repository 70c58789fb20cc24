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
  featuresOfImages,
  imageEmbedder,
  madeByBackbone,
  requireAll,
  type ViewOptions,
} from "../features/features";
import type { Views } from "../images/loading/views";
import type { RgbImage } from "../images/pixels/rgb_image";
import { loadBackbone } from "../model/backbone";
import { findTower } from "../model/towers";
import { featureLength } from "../model/vit";
import { type Embedder, KeepingEmbedder } from "./embedder";
import { LazyBackbone } from "./lazy_backbone";

/** A tower with pretrained weights. Its vectors are the backbone's features, [N, F], not normalised. */
export class BackboneEmbedder extends KeepingEmbedder implements Embedder {
  readonly config: Embedder["config"];
  readonly madeBy: MadeBy;
  readonly #backbone = new LazyBackbone(() => loadBackbone(this.config));

  constructor(config: Embedder["config"]) {
    super();
    this.config = config;
    this.madeBy = madeByBackbone(config);
  }

  get length(): number {
    return featureLength(findTower(this.config.tower), this.config);
  }

  async embedFiles(
    folder: string,
    files: readonly string[],
    options: ProgressOptions = {},
  ): Promise<Vectors> {
    return computeFeatures(this.#below(folder), await this.#backbone.get(), files, "images", options);
  }

  async embedImages(images: readonly RgbImage[], views?: Views): Promise<Vectors> {
    return featuresOfImages(await this.#backbone.get(), images, this.config.imageSize, views);
  }

  async keepEmbeddings(
    dataDir: string,
    set: string,
    files: readonly string[],
    options: ViewOptions = {},
  ): Promise<Features> {
    const features = await ensureBackboneFeatures(this.#below(dataDir), set, files, options);
    requireAll(features, files.length);
    return features;
  }

  async embedShards(folder: string, options: EmbedOptions): Promise<EmbedShard> {
    return imageEmbedder(this.#below(folder), await this.#backbone.get(), options);
  }

  sourcesOf(folder: string): FeatureSources {
    return backboneSources(this.config, folder);
  }

  dispose(): void {
    this.#backbone.dispose();
  }

  #below(dataDir: string): Embedder["config"] {
    return { ...this.config, dataDir };
  }
}
