// Checks a JPEG before it is decoded, in preprocessing, embedding, training and the service.
import { assertPixels, ImageError, MAX_PIXELS } from "./image_error";
import { type JpegHeader, readJpegHeader, tidyJpeg } from "./jpeg_header";

/** Largest number of scans of a progressive JPEG, as in libtiff; programs write about ten. */
const MAX_SCANS = 100;

/** Largest number of pixels in all scans together, 20 scans of the largest image: about ten seconds of work. */
const MAX_SCANNED_PIXELS = 20 * MAX_PIXELS;

/**
 * Checks a JPEG before it is decoded.
 * @returns its header and the bytes for decoders; undefined for bytes that are no JPEG, or with a truncated header
 * @throws ImageError for an unsupported kind of JPEG, or one that would take too much memory or time
 */
export function openJpeg(
  bytes: Uint8Array,
  maxPixels = MAX_PIXELS,
): { header: JpegHeader; file: Uint8Array } | undefined {
  const header = readJpegHeader(bytes);
  if (!header) return undefined;
  if (header.bitsPerSample !== 8 || header.isLossless) {
    const kind = header.isLossless ? "lossless JPEG" : `JPEG of ${header.bitsPerSample} bits a sample`;
    throw new ImageError(`a ${kind}, which is not read: convert it to PNG`);
  }
  const pixels = header.width * header.height;
  assertPixels(pixels, maxPixels);
  const maxScans = Math.min(MAX_SCANS, Math.floor(MAX_SCANNED_PIXELS / pixels));
  if (header.scans > maxScans)
    throw new ImageError(
      `a JPEG of ${header.scans} scans: at ${pixels} pixels, ${maxScans} are decoded at most`,
    );
  return { header, file: tidyJpeg(bytes, header) };
}
