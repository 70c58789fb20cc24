// Images -> batches of augmented, normalised pixels. Shapes: B images, S side of the square input in px.
import { Budget } from "../common/budget";
import { mapConcurrently } from "../common/concurrent";
import { projectPath } from "../common/project";
import { type AugmentPlan, IDENTITY_PLAN } from "./augment_plan";
import { prepareOnThread } from "./image_threads";
import { loadPixels } from "./loader";
import type { Normalisation } from "./value_table";

/** Where images lie and what becomes of them. */
export interface PixelLoaderConfig {
  dataDir: string;
  imageSize: number;
  /** Threads that read, decode, augment and normalise. */
  numWorkers: number;
}

/** Images on their way for each thread: it finds the next one waiting when it has done one. */
const ON_THEIR_WAY = 2;

/**
 * Loads batches. JPEGs are read, decoded, augmented and normalised by other threads; the main one decodes, through
 * sharp, what is no plain JPEG. Batches may be asked for while others are under way; they are prepared in the order
 * of asking. Holds as much memory as there are batches that were not released.
 */
export class PixelLoader {
  readonly #config: PixelLoaderConfig;
  readonly #normalisation: Normalisation;
  readonly #budget: Budget;
  readonly #free: SharedArrayBuffer[] = [];

  constructor(config: PixelLoaderConfig, { mean, std }: Normalisation) {
    this.#config = config;
    this.#normalisation = { mean, std };
    this.#budget = new Budget(ON_THEIR_WAY * config.numWorkers);
  }

  /**
   * Loads images, each changed by its plan, or as they are.
   * @param files below the data directory
   * @returns float32 [B, S, S, 3] in memory that `release` gives back
   * @throws UserError naming a file that cannot be read
   */
  async load(files: readonly string[], plans?: readonly AugmentPlan[]): Promise<Float32Array> {
    const valuesPerImage = this.#config.imageSize ** 2 * 3;
    const values = this.#take(files.length * valuesPerImage);
    try {
      await mapConcurrently(files, files.length, (file, i) => {
        const result = values.subarray(i * valuesPerImage, (i + 1) * valuesPerImage);
        return this.#budget.use(1, () => this.#prepare(file, plans?.[i] ?? IDENTITY_PLAN, result));
      });
    } catch (error) {
      this.release(values);
      throw error;
    }
    return values;
  }

  /** Takes back the memory of a batch, which must not be read any more. */
  release(values: Float32Array): void {
    const memory = values.buffer as SharedArrayBuffer;
    if (!this.#free.includes(memory)) this.#free.push(memory);
  }

  async #prepare(file: string, plan: AugmentPlan, result: Float32Array): Promise<void> {
    const { dataDir, imageSize: imageSizePx, numWorkers } = this.#config;
    const path = projectPath(dataDir, file);
    const job = { imageSizePx, plan, normalisation: this.#normalisation, result };
    if (await prepareOnThread({ ...job, source: path }, path, numWorkers)) return;
    const { data } = await loadPixels(path, imageSizePx);
    const source = new Uint8Array(new SharedArrayBuffer(data.length));
    source.set(data);
    await prepareOnThread({ ...job, source }, path, numWorkers);
  }

  #take(length: number): Float32Array {
    const bytes = length * Float32Array.BYTES_PER_ELEMENT;
    const place = this.#free.findIndex(({ byteLength }) => byteLength >= bytes);
    const memory = place >= 0 ? this.#free.splice(place, 1)[0]! : new SharedArrayBuffer(bytes);
    return new Float32Array(memory, 0, length);
  }
}
