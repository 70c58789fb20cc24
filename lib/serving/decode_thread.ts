// The script of a decoding thread: uploads to a model's input size, index images to thumbnails. It calls the engine's
// JPEG decoder by its address, so that it need not load tfjs.
import { workerData } from "node:worker_threads";
import sharp from "sharp";
import { messageOf, UserError } from "../common/errors";
import { UnreachableFile } from "../common/files/file_faults";
import { serveTasks } from "../common/parallel/serve_tasks";
import type { ResizeMode } from "../config/model";
import { writtenBytes } from "../engine/native/native_stderr";
import type { FunctionHandle } from "../engine/program/function_handle";
import { decodeRgb, readImageFile } from "../images/decode";
import { inputSquare } from "../images/input_square";
import { withJpegPixels } from "../images/jpeg/with_pixels";
import { ImageError } from "../images/pixels/image_error";
import type { RgbImage } from "../images/pixels/rgb_image";
import { thumbnailJpeg } from "../images/thumbnail";
import { cutPart, type ImagePart, SmallPart } from "./image_part";

/** Start data of a thread. */
export interface DecodeWorkerData {
  /** S, the side of the square that an image becomes: the model's input, or what its views are cut from. */
  sidePx: number;
  /** How an upload becomes a square. */
  resizeMode: ResizeMode;
  decoder: FunctionHandle;
  /** The stream that the decoder writes messages to. */
  stderr: bigint;
  /** Largest upload. */
  maxPixels: number;
  /** Time limit in libvips: ending the thread does not stop it. */
  maxSeconds: number;
}

/**
 * An upload's bytes, or a part of an index image, to become uint8 [S, S, 3]; or an index image's path, to become a JPEG
 * thumbnail.
 */
export type DecodeJob =
  | { upload: Uint8Array; part?: ImagePart | undefined }
  | { path: string; part: ImagePart }
  | { path: string; longerSidePx: number };

/**
 * A thread's answer: bytes; or why the part cannot be used, why the image cannot be used, why it cannot be read now, or
 * another failure.
 */
export type DecodeAnswer =
  | { bytes: Uint8Array }
  | { small: string }
  | { reason: string }
  | { unreachable: string }
  | { failure: string };

const { sidePx, resizeMode, decoder, stderr, maxPixels, maxSeconds } = workerData as DecodeWorkerData;
sharp.cache(false); // images do not repeat

void serveTasks(
  (job: DecodeJob) =>
    decode(job).then(
      (bytes): DecodeAnswer => ({ bytes }),
      (error): DecodeAnswer => reasonOf(error) ?? { failure: messageOf(error) },
    ),
  (answer) => ("bytes" in answer ? [answer.bytes.buffer as ArrayBuffer] : []),
);

async function decode(job: DecodeJob): Promise<Uint8Array> {
  if ("longerSidePx" in job) return thumbnail(job.path, job.longerSidePx);
  return inputPixels("upload" in job ? job.upload : await readImageFile(job.path), job.part);
}

function reasonOf(error: unknown): DecodeAnswer | undefined {
  if (error instanceof SmallPart) return { small: error.message };
  if (error instanceof UnreachableFile) return { unreachable: error.message };
  const image = error instanceof UserError && error.cause instanceof ImageError ? error.cause : error;
  return image instanceof ImageError ? { reason: image.message } : undefined;
}

/**
 * Decodes to the pixels that a `PixelLoader` would give for the same bytes in a file, or for a part of that image;
 * corrupt data is an error.
 */
async function inputPixels(file: Uint8Array, part?: ImagePart): Promise<Uint8Array> {
  const square = (image: RgbImage) =>
    Uint8Array.from(inputSquare(part ? cutPart(image, part) : image, sidePx, resizeMode).data);
  const printedBytes = writtenBytes(stderr);
  const byEngine = withJpegPixels(decoder, file, square, maxPixels);
  if (byEngine && writtenBytes(stderr) === printedBytes) return byEngine.result;
  // The decoder only prints a message on corrupt data, perhaps another thread's image: sharp decides.
  const decoded = await decodeRgb(file, { maxPixels, maxSeconds });
  return byEngine?.result ?? square(decoded);
}

async function thumbnail(path: string, longerSidePx: number): Promise<Uint8Array> {
  return Uint8Array.from(await thumbnailJpeg(await decodeRgb(path, { maxSeconds }), longerSidePx));
}
