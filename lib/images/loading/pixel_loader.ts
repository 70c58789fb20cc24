// Loads batches of augmented, normalised images. Shapes: B images, V views of each, S side of the input in px.
import { resolve } from "node:path";
import { CONTENT_LETTERS, NO_CONTENT } from "../../common/files/fingerprint";
import { mapConcurrently } from "../../common/parallel/concurrent";
import { rowOf, setRows, sliceRows } from "../../common/vectors";
import type { ResizeMode } from "../../config/model";
import { unusableFile } from "../decode";
import type { AugmentPlan } from "./augment_plan";
import type { ImageJob } from "./image_thread";
import { prepareImage } from "./image_threads";
import type { Normalisation } from "./value_table";
import { planViews, type Views, wholeImage } from "./views";

/** Settings of a pixel loader. */
export interface PixelLoaderConfig {
  /** Absolute path. */
  dataDir: string;
  imageSize: number;
  /** How an image becomes a square. */
  resizeMode: ResizeMode;
  /** Number of threads that read, decode, augment and normalise. */
  numWorkers: number;
}

/** The bytes of files that are read elsewhere. */
export type Contents = readonly Promise<Uint8Array>[] | undefined;

/** An image that cannot be used. */
export interface UnusableImage {
  file: string;
  reason: string;
}

/**
 * Loads batches in other threads, which read, decode, augment and normalise images. Calls may overlap; batches are
 * prepared in the order of the calls. The loader holds memory for every batch that was not released.
 */
export class PixelLoader {
  readonly #folder: string;
  readonly #imageSizePx: number;
  readonly #resizeMode: ResizeMode;
  readonly #numWorkers: number;
  readonly #normalisation: Normalisation;
  readonly #free: SharedArrayBuffer[] = [];

  constructor(
    { dataDir, imageSize, resizeMode, numWorkers }: PixelLoaderConfig,
    { mean, std }: Normalisation,
  ) {
    this.#folder = dataDir;
    this.#imageSizePx = imageSize;
    this.#resizeMode = resizeMode;
    this.#numWorkers = numWorkers;
    this.#normalisation = { mean, std };
  }

  /**
   * Loads images, each augmented by its plan, or unchanged without plans.
   * @param files paths below the data directory
   * @param contents the files' bytes, if they are read elsewhere; default: the threads read the files
   * @returns float32 [B, S, S, 3]; `release` returns its memory
   * @throws UserError naming a file that cannot be used
   */
  async load(
    files: readonly string[],
    plans?: readonly AugmentPlan[],
    contents?: Contents,
  ): Promise<Float32Array> {
    const partsOf = (i: number) => ({
      parts: [wholeImage(plans?.[i]?.steps)],
      crop: plans?.[i]?.crop,
    });
    const { values, reasons } = await this.#load(files, this.#imageSizePx, partsOf, { contents });
    const first = reasons.findIndex((reason) => reason !== undefined);
    if (first < 0) return values;
    this.release(values);
    throw unusableFile(this.#pathOf(files[first]!), reasons[first]!);
  }

  /**
   * Loads views of the images that can be used.
   * @param files paths below the data directory, or absolute
   * @returns `values`: float32 [B - unusable, V, S, S, 3]; `release` returns its memory; `contents`: the hash of each
   * file's bytes [B]
   * @throws UnreachableFile if something other than an image is at fault
   */
  async loadUsable(
    files: readonly string[],
    views: Views,
  ): Promise<{ values: Float32Array; unusable: UnusableImage[]; contents: string[] }> {
    const { decodedSizePx, parts } = planViews(views, this.#imageSizePx);
    const hashes = Buffer.from(new SharedArrayBuffer(files.length * CONTENT_LETTERS)).fill(NO_CONTENT);
    const hashOf = (i: number) => rowOf({ data: hashes, length: CONTENT_LETTERS }, i);
    const { values, reasons } = await this.#load(files, decodedSizePx, () => ({ parts }), { hashOf });
    const length = parts.length * this.#valuesPerPart;
    const unusable: UnusableImage[] = [];
    let count = 0;
    for (const [i, reason] of reasons.entries()) {
      if (reason !== undefined) unusable.push({ file: files[i]!, reason });
      else setRows({ data: values, length }, count++, rowOf({ data: values, length }, i));
    }
    const contents = files.map((_, i) => hashOf(i).toString("latin1"));
    return {
      values: sliceRows({ data: values, count: files.length, length }, 0, count).data,
      unusable,
      contents,
    };
  }

  /** Takes back the memory of a batch, which must not be read afterwards. */
  release(values: Float32Array): void {
    const memory = values.buffer as SharedArrayBuffer;
    if (!this.#free.includes(memory)) this.#free.push(memory);
  }

  get #valuesPerPart(): number {
    return this.#imageSizePx ** 2 * 3;
  }

  /** Loads parts of images. Returns all values, and for each image the reason why it cannot be used, or undefined. */
  async #load(
    files: readonly string[],
    decodedSizePx: number,
    partsOf: (i: number) => Pick<ImageJob, "parts" | "crop">,
    { hashOf, contents }: { hashOf?: (i: number) => Uint8Array; contents?: Contents } = {},
  ): Promise<{ values: Float32Array; reasons: (string | undefined)[] }> {
    const settings = {
      imageSizePx: this.#imageSizePx,
      resizeMode: this.#resizeMode,
      normalisation: this.#normalisation,
    };
    const length = partsOf(0).parts.length * this.#valuesPerPart;
    const values = this.#take(files.length * length);
    try {
      const reasons = await mapConcurrently(files, files.length, async (file, i) => {
        const result = rowOf({ data: values, length }, i);
        const job = {
          ...settings,
          path: this.#pathOf(file),
          ...partsOf(i),
          file: await contents?.[i],
          result,
          content: hashOf?.(i),
        };
        return prepareImage(job, decodedSizePx, this.#numWorkers);
      });
      return { values, reasons };
    } catch (error) {
      this.release(values);
      throw error;
    }
  }

  #pathOf(file: string): string {
    return resolve(this.#folder, file);
  }

  #take(length: number): Float32Array {
    const bytes = length * Float32Array.BYTES_PER_ELEMENT;
    const place = this.#free.findIndex(({ byteLength }) => byteLength >= bytes);
    const memory = place >= 0 ? this.#free.splice(place, 1)[0]! : new SharedArrayBuffer(bytes);
    return new Float32Array(memory, 0, length);
  }
}
