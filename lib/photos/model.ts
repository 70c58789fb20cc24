// A model that embeds a person's images: a run, a pretrained tower, or a file of weights. Shapes: N images, E numbers each.
import { UserError } from "../common/errors";
import { isImageName } from "../common/files/image_folder";
import { withSignal } from "../common/interrupt";
import { type OnProgress, shownProgress, type TaskOptions } from "../common/progress";
import type { Vectors } from "../common/vectors";
import { preset } from "../config/presets";
import { sourcePath } from "../datasets/own/read_own_images";
import type { Embedder } from "../embedding/embedder";
import { BACKBONE, findModel, openModel } from "../embedding/find_model";
import { embedPhotos } from "../features/embed_photos";
import { readImageFile } from "../images/decode";
import { decodeToSquare } from "../images/loading/encoded";
import type { UnusableImage } from "../images/loading/pixel_loader";
import type { RgbImage } from "../images/pixels/rgb_image";
import type { Images } from "./images";
import { readImages } from "./read_images";

/** What a model embeds: a folder, a table or an image file by its path; images; or the bytes of image files. */
export type Embeddable = string | Images | Uint8Array | readonly (string | Uint8Array)[];

/** Vectors of images, [N, E], with the images that they belong to. */
export interface Embedded extends Vectors {
  /** The images of the rows; for a list of files or bytes undefined. */
  images?: Images;
  /** Number of images that this call computed; the vectors of the others were kept. */
  computed?: number;
  /** Images that could not be read, with the reason. */
  skipped?: readonly UnusableImage[];
}

/** Options of `loadModel`. */
export interface LoadModelOptions extends TaskOptions {
  /** Preset with the settings of a backbone. Default: demo. */
  preset?: string;
}

/** A model that is ready to embed; it loads its tower on first use. */
export class Model {
  /** The name that it was loaded by. */
  readonly name: string;
  readonly embedder: Embedder;
  /** The preset that a backbone's settings are from. */
  readonly preset: string;

  constructor(name: string, embedder: Embedder, preset: string) {
    this.name = name;
    this.embedder = embedder;
    this.preset = preset;
  }

  /** E, the number of values of a vector. */
  get dim(): number {
    return this.embedder.length;
  }

  /** True for a pretrained tower, false for a trained run and for a whitened or LDA model. */
  get isBackbone(): boolean {
    const { run, transform } = this.embedder.madeBy;
    return run === undefined && transform === undefined;
  }

  /** Side of the square that the model sees, in px. */
  get imageSize(): number {
    return this.embedder.config.imageSize;
  }

  /**
   * Embeds images. The vectors of a folder, a table or `Images` are kept by the content of each image: the next call
   * computes only new and changed ones, and images that cannot be read are left out. A single file, bytes, or a list of
   * them are embedded as they are, and must all be readable.
   * @returns float32 vectors [N, E]; a run's have unit length
   * @throws UserError if nothing can be read; for a list, naming the first file that cannot be used
   */
  async embed(
    what: Embeddable,
    { signal, onProgress = shownProgress() }: TaskOptions = {},
  ): Promise<Embedded> {
    return withSignal(signal, async () => {
      if (what instanceof Uint8Array) return this.#embedParts([what], onProgress);
      if (typeof what === "string" && isImageName(what)) return this.#embedParts([what], onProgress);
      if (Array.isArray(what)) return this.#embedParts(what as (string | Uint8Array)[], onProgress);
      const images = typeof what === "string" ? await readImages(what) : (what as Images);
      const { folder, files } = images;
      const { vectors, places, embedded, skipped } = await embedPhotos(
        this.embedder,
        { folder, rows: { files } },
        { onProgress },
      );
      if (vectors.count === 0) throw nothingReadable(images, skipped);
      const kept = places.length === files.length ? images : images.pick(places);
      return { ...vectors, images: kept, computed: embedded, skipped };
    });
  }

  /** Frees the weights. */
  dispose(): void {
    this.embedder.dispose();
  }

  async #embedParts(parts: readonly (string | Uint8Array)[], onProgress: OnProgress): Promise<Vectors> {
    if (parts.length === 0) throw new UserError("Expected images to embed, got an empty list.");
    if (parts.every((part) => typeof part === "string"))
      return this.embedder.embedFiles(
        "/",
        parts.map((file) => sourcePath(file)),
        { onProgress },
      );
    const bytesOf = (part: string | Uint8Array) =>
      typeof part === "string" ? readImageFile(sourcePath(part)) : part;
    const { imageSize, resizeMode } = this.embedder.config;
    const squares: RgbImage[] = [];
    for (const part of parts) squares.push(await decodeToSquare(await bytesOf(part), imageSize, resizeMode));
    return this.embedder.embedImages(squares);
  }
}

/**
 * Loads a model by its name; the caller disposes of it.
 * @param name a run (`shop_fine_tune`, `shop_fine_tune/best:ema`), a tower (`dinov2-vit-s-14`), the path of a file of
 * weights, `hub:owner/name`, or nothing for the preset's backbone
 * @throws UserError for a name that nothing has, with the names there are
 * @example
 * const model = await loadModel("dinov2-vit-s-14"); const { data } = await model.embed("photos"); model.dispose();
 */
export async function loadModel(
  name = BACKBONE,
  { preset: presetName = "demo", signal, onProgress = shownProgress() }: LoadModelOptions = {},
): Promise<Model> {
  const config = preset(presetName, "frozen");
  return withSignal(
    signal,
    async () => new Model(name, openModel(await findModel(name, config, { onProgress })), presetName),
  );
}

function nothingReadable({ count, folder }: Images, skipped: readonly UnusableImage[]): UserError {
  const [first] = skipped;
  return new UserError(
    `None of ${count} images in ${folder} could be read${first ? `; the first: ${first.file}: ${first.reason}` : ""}.`,
    "Look at the files.",
  );
}
