// The script of a thread that decodes: uploads to a model's input size, index images to thumbnails. It calls the
// engine's JPEG decoder by its address: tfjs is not loaded here.
import { workerData } from "node:worker_threads";
import sharp from "sharp";
import { messageOf, UserError } from "../common/errors";
import { UnreachableFile } from "../common/files/file_faults";
import { serveTasks } from "../common/serve_tasks";
import { writtenBytes } from "../engine/native/native_stderr";
import type { FunctionHandle } from "../engine/program/function_handle";
import { decodeRgb } from "../images/decode";
import { squashToSquare } from "../images/input_square";
import { withJpegPixels } from "../images/jpeg/with_pixels";
import { ImageError } from "../images/pixels/image_error";
import type { RgbImage } from "../images/pixels/rgb_image";

/** What a thread is started with. */
export interface DecodeWorkerData {
  /** S, the model's. */
  imageSizePx: number;
  decoder: FunctionHandle;
  /** Where the decoder's messages go. */
  stderr: bigint;
  /** Of an upload. */
  maxPixels: number;
  /** After which libvips gives an image up: a thread that is ended cannot end it. */
  maxSeconds: number;
}

/** An upload's bytes, wanted as uint8 [S, S, 3]; or an index image's path, wanted as a JPEG. */
export type DecodeJob = { upload: Uint8Array } | { path: string; longerSidePx: number };

/** A thread's answer: bytes, why the image cannot be used, why it cannot be read now, or what went wrong. */
export type DecodeAnswer =
  | { bytes: Uint8Array }
  | { reason: string }
  | { unreachable: string }
  | { failure: string };

const { imageSizePx, decoder, stderr, maxPixels, maxSeconds } = workerData as DecodeWorkerData;
const THUMBNAIL_QUALITY = 85;
sharp.cache(false); // no image comes twice

void serveTasks(
  (job: DecodeJob) =>
    decode(job).then(
      (bytes): DecodeAnswer => ({ bytes }),
      (error): DecodeAnswer => reasonOf(error) ?? { failure: messageOf(error) },
    ),
  (answer) => ("bytes" in answer ? [answer.bytes.buffer as ArrayBuffer] : []),
);

function decode(job: DecodeJob): Promise<Uint8Array> {
  return "path" in job ? thumbnail(job.path, job.longerSidePx) : inputPixels(job.upload);
}

function reasonOf(error: unknown): DecodeAnswer | undefined {
  if (error instanceof UnreachableFile) return { unreachable: error.message };
  const image = error instanceof UserError && error.cause instanceof ImageError ? error.cause : error;
  return image instanceof ImageError ? { reason: image.message } : undefined;
}

/** The pixels that the model would see of the same bytes in a file, as a `PixelLoader` gives them; stray data is refused. */
async function inputPixels(file: Uint8Array): Promise<Uint8Array> {
  const square = (image: RgbImage) => Uint8Array.from(squashToSquare(image, imageSizePx).data);
  const printedBytes = writtenBytes(stderr);
  const plain = withJpegPixels(decoder, file, square, maxPixels);
  if (plain && writtenBytes(stderr) === printedBytes) return plain.result;
  // The decoder goes on after corrupt data and only prints, for this image or one beside it: sharp can tell.
  const decoded = await decodeRgb(file, { maxPixels, maxSeconds });
  return plain?.result ?? square(decoded);
}

async function thumbnail(path: string, longerSidePx: number): Promise<Uint8Array> {
  const { data, width, height } = await decodeRgb(path, { maxSeconds });
  const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(longerSidePx, longerSidePx, { fit: "inside", withoutEnlargement: true })
    .jpeg({ quality: THUMBNAIL_QUALITY })
    .toBuffer();
  return Uint8Array.from(jpeg);
}
