// Decodes JPEGs in a thread: it calls the engine's decoder by its address, without tfjs.

import type { TensorValue } from "../../engine/native/host_tensor";
import { EngineError } from "../../engine/native/status";
import { callHandle, type FunctionHandle } from "../../engine/program/function_handle";
import { isPlainJpeg } from "../pixels/jpeg_header";
import { openJpeg } from "../pixels/open_jpeg";
import type { RgbImage } from "../pixels/rgb_image";

/**
 * Decodes a plain JPEG and gives its pixels to `use` for the time of the call.
 * @returns undefined, without calling `use`, for bytes that sharp must decode or refuse
 * @throws ImageError as `openJpeg`
 */
export function withJpegPixels<T>(
  decoder: FunctionHandle,
  bytes: Uint8Array,
  use: (image: RgbImage) => T,
  maxPixels?: number,
): { result: T } | undefined {
  const jpeg = openJpeg(bytes, maxPixels);
  return jpeg && isPlainJpeg(jpeg.header) ? withDecodedPixels(decoder, jpeg.file, use) : undefined;
}

/** Does the same for a plain JPEG that `openJpeg` returned. @param decoder bytes -> uint8 [H, W, 3] */
export function withDecodedPixels<T>(
  decoder: FunctionHandle,
  file: Uint8Array,
  use: (image: RgbImage) => T,
): { result: T } | undefined {
  try {
    return callHandle(decoder, { bytes: [file] }, ([pixels]) => ({ result: use(imageOf(pixels!)) }));
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

function imageOf({ data, shape }: TensorValue): RgbImage {
  const [height, width] = shape as [number, number, number];
  return { data: data as Uint8Array, width, height };
}
