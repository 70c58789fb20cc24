// Script of a thread that prepares images: reads, decodes, augments and normalises them into shared memory. It calls
// the engine's decoder by its address and does not load tfjs. Shapes: V parts, S side of a part.
import { workerData } from "node:worker_threads";
import { contentOf } from "../../common/files/fingerprint";
import { serveTasks } from "../../common/parallel/serve_tasks";
import type { ResizeMode } from "../../config/model";
import type { FunctionHandle } from "../../engine/program/function_handle";
import { decodeRgb, ImageFileReader } from "../decode";
import { inputSquare } from "../input_square";
import { withJpegPixels } from "../jpeg/with_pixels";
import { ImageError } from "../pixels/image_error";
import type { RgbImage } from "../pixels/rgb_image";
import { cropOf, type RandomCrop } from "./random_crop";
import { type Normalisation, normalisedTable, plainTable, type Values } from "./value_table";
import { type ImagePart, writeParts } from "./views";

/** Data that the threads start with. */
export interface ImageThreadData {
  /** Side of the square that a decoded image becomes. */
  decodedSizePx: number;
  decoder: FunctionHandle;
}

/** Job of preparing one image. */
export interface ImageJob {
  path: string;
  /** The bytes of the file; undefined: the thread reads it. */
  file?: Uint8Array | undefined;
  /** Side of a part, S. */
  imageSizePx: number;
  resizeMode: ResizeMode;
  /** The part of the picture to take, at its full resolution; undefined: all of it. */
  crop?: RandomCrop | undefined;
  parts: readonly ImagePart[];
  /** Undefined to keep pixels as bytes. */
  normalisation: Normalisation | undefined;
  /** Shared memory for the parts, one after the other: [V, S, S, 3], float32 or uint8. */
  result: Values;
  /** Shared memory for the hash of the file's bytes as text; undefined for no hash. */
  content?: Uint8Array;
}

const { decodedSizePx, decoder } = workerData as ImageThreadData;
const reader = new ImageFileReader();

// A job's result is the reason why its image cannot be used, or undefined
void serveTasks(
  async ({
    path,
    file: given,
    result,
    content,
    normalisation,
    crop,
    resizeMode,
    ...job
  }: ImageJob): Promise<string | undefined> => {
    const use = (decoded: RgbImage) => {
      // as torchvision and albumentations, a random part is squashed whatever its aspect ratio
      const image = crop
        ? inputSquare(cropOf(decoded, crop), decodedSizePx, "squash")
        : inputSquare(decoded, decodedSizePx, resizeMode);
      if (result instanceof Float32Array) writeParts(image, job, normalisedTable(normalisation!), result);
      else writeParts(image, job, plainTable(), result);
    };
    try {
      const file = given ?? (await reader.read(path));
      content?.set(Buffer.from(contentOf(file), "latin1"));
      if (!withJpegPixels(decoder, file, use)) use(await decodeRgb(file));
    } catch (error) {
      if (error instanceof ImageError) return error.message;
      throw error;
    }
    return undefined;
  },
);
