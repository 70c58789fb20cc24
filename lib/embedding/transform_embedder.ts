// Embeds images with a base model, and maps its vectors by a fitted map. Shapes: N images, F numbers of the base, d
// numbers.
import { fileFingerprint } from "../common/files/fingerprint";
import type { ProgressOptions } from "../common/progress";
import type { Vectors } from "../common/vectors";
import { tf } from "../engine/native/tf";
import type { MappedVectors } from "../features/embed_photos";
import type { Features, MadeBy } from "../features/feature_files";
import type { EmbedShard } from "../features/feature_plan";
import type { FeatureSources } from "../features/feature_sources";
import { ensureKeptFeatures } from "../features/feature_writer";
import { type EmbedOptions, setOfViews, type ViewOptions } from "../features/features";
import type { Views } from "../images/loading/views";
import type { RgbImage } from "../images/pixels/rgb_image";
import type { Weights } from "../model/vit";
import { TRANSFORM_NAMES } from "../model/weight_names";
import { toTensors, type WeightSource } from "../model/weight_source";
import type { Reduction } from "../retrieval/reduction";
import { readReduction } from "../retrieval/reduction_file";
import { embedFeatures } from "./embed_images";
import { type Embedder, KeepingEmbedder, viewsNote } from "./embedder";
import { reductionPath, type TransformModel } from "./transform_model";

/** Returns a fitted map as weights of a model. */
export function reductionWeights({ mean, matrix, from, to }: Reduction): WeightSource {
  const [meanName, matrixName] = TRANSFORM_NAMES;
  return {
    shapes: new Map([
      [meanName, [from]],
      [matrixName, [from, to]],
    ]),
    write: (name, memory) => memory.set(name === meanName ? mean : matrix),
    close: () => undefined,
  };
}

/** A whitened or LDA model. Its vectors, [N, d], have unit length. */
export class TransformEmbedder extends KeepingEmbedder implements Embedder {
  readonly config: Embedder["config"];
  readonly madeBy: MadeBy;
  readonly length: number;
  readonly #base: Embedder;
  readonly #folder: string;
  readonly #weights: Weights;

  /** @param base owned: it is disposed of with this one */
  constructor(model: TransformModel, base: Embedder) {
    super();
    this.#base = base;
    this.#folder = model.folder;
    this.config = base.config;
    this.length = model.length;
    const path = reductionPath(model);
    this.#weights = toTensors(reductionWeights(readReduction(path)));
    this.madeBy = { ...base.madeBy, transform: model.name, reduction: fileFingerprint(path) };
  }

  get mapped(): MappedVectors {
    return { base: this.#base, map: (vectors) => this.#map(vectors) };
  }

  async embedFiles(folder: string, files: readonly string[], options?: ProgressOptions): Promise<Vectors> {
    return this.#map(await this.#base.embedFiles(folder, files, options));
  }

  async embedImages(images: readonly RgbImage[], views?: Views): Promise<Vectors> {
    return this.#map(await this.#base.embedImages(images, views));
  }

  /** Computes the vectors from those of the base, which are kept for other models, and keeps them in the model's folder. */
  async keepEmbeddings(
    dataDir: string,
    set: string,
    files: readonly string[],
    options: ViewOptions = {},
  ): Promise<Features> {
    const features = await this.#base.keepEmbeddings(dataDir, set, files, options);
    const { content } = features;
    const plan = {
      rows: { files },
      madeBy: {
        ...this.madeBy,
        dataDir,
        ...viewsNote(options),
        ...(content === undefined ? {} : { content }),
      },
      replace: true,
      rowsPerShard: Math.max(1, files.length),
      dtype: "float32" as const,
    };
    return ensureKeptFeatures(
      this.#folder,
      ["embeddings", setOfViews(set, options.views)],
      plan,
      async () => {
        const vectors = await this.#map(features.readAll());
        return async () => ({ vectors, skipped: [] });
      },
    );
  }

  async embedShards(folder: string, options: EmbedOptions): Promise<EmbedShard> {
    const embed = await this.#base.embedShards(folder, options);
    return async (files, start) => {
      const { vectors, ...result } = await embed(files, start);
      return { ...result, vectors: await this.#map(vectors) };
    };
  }

  sourcesOf(folder: string): FeatureSources {
    return this.#base.sourcesOf(folder);
  }

  dispose(): void {
    tf.dispose(this.#weights);
    this.#base.dispose();
  }

  #map(vectors: Vectors): Promise<Vectors> {
    return embedFeatures(this.#weights, vectors);
  }
}
