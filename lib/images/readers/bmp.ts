// Reads BMP files: jimp those with whole bytes per pixel, where it gives OpenCV's pixels; ImageMagick those with
// palettes, run lengths or OS/2 headers.

import { assertPixels } from "../pixels/image_error";
import type { RgbImage } from "../pixels/rgb_image";
import { decodeByMagick } from "./magick";
import type { DecodeOptions } from "./options";

/** Decodes a BMP to RGB. Ignores the fourth byte of a pixel: in most BMP files it is padding, not opacity. */
export async function decodeBmp(bytes: Uint8Array, options: DecodeOptions): Promise<RgbImage> {
  assertPixels(countPixelsOfBmp(bytes), options.maxPixels);
  if (!isOfWholeBytes(bytes)) return decodeByMagick(bytes, "bmp", { ...options, pixels: "opencv" });
  const { Jimp } = await import("jimp"); // loaded for the first BMP only: it takes a third of a second
  const { width, height, data: rgba } = (await Jimp.fromBuffer(Buffer.from(bytes))).bitmap;
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = rgba[from]!;
    data[to + 1] = rgba[from + 1]!;
    data[to + 2] = rgba[from + 2]!;
  }
  return { data, width, height };
}

const FILE_HEADER_BYTES = 14;
/** Lengths of the second header. */
const [OS2_HEADER_BYTES, OS2_LONG_HEADER_BYTES, WINDOWS_HEADER_BYTES] = [12, 64, 40];
const MASKS_BYTES = 12;
/** Compression by bit masks, which say where the colours lie. */
const WITH_MASKS = 3;

/** Returns width x height from the header, before anything is allocated; 0 for a truncated header. */
export function countPixelsOfBmp(bytes: Uint8Array): number {
  if (bytes.length < FILE_HEADER_BYTES + OS2_HEADER_BYTES) return 0;
  const view = viewOf(bytes);
  if (view.getUint32(14, true) === OS2_HEADER_BYTES)
    return view.getUint16(18, true) * view.getUint16(20, true);
  return Math.abs(view.getInt32(18, true) * view.getInt32(22, true));
}

/** Returns whether pixels are whole bytes, not compressed, directly after a Windows header. */
function isOfWholeBytes(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  const headerBytes = view.getUint32(14, true);
  if (headerBytes === OS2_HEADER_BYTES || headerBytes === OS2_LONG_HEADER_BYTES) return false;
  const [bits, compression] = [view.getUint16(28, true), view.getUint32(30, true)];
  const masks = compression === WITH_MASKS && headerBytes === WINDOWS_HEADER_BYTES ? MASKS_BYTES : 0;
  const hasNoGap = view.getUint32(10, true) === FILE_HEADER_BYTES + headerBytes + masks;
  return bits >= 16 && (compression === 0 || compression === WITH_MASKS) && hasNoGap;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
