// Decodes any image file to RGB pixels, with the library that reads its format as OpenCV does.
import { closeSync, fstatSync, readSync } from "node:fs";
import { messageOf, UserError } from "../common/errors";
import { environmentFault, readPatiently, UnreachableFile } from "../common/files/file_faults";
import { NoFileError, openRegularFile, readRegularFile } from "../common/files/regular_file";
import { ImageError, MAX_PIXELS } from "./pixels/image_error";
import type { RgbImage } from "./pixels/rgb_image";
import { countPixelsOfBmp, decodeBmp } from "./readers/bmp";
import { describeOther, type ImageFormat, sniffFormat } from "./readers/formats";
import { countPixelsByMagick, decodeByMagick } from "./readers/magick";
import type { DecodeOptions } from "./readers/options";
import { countPixelsBySharp, decodeBySharp } from "./readers/sharp";
import { isPlainYcbcrTiff } from "./readers/tiff_tags";

/**
 * Decodes an image to 8-bit RGB as OpenCV's `imread` does: applies the EXIF orientation, ignores embedded RGB colour
 * profiles (training and the exported model see the file's own numbers), reduces 16-bit samples to their high byte and
 * repeats grey. Beyond OpenCV it converts CMYK by its profile and puts transparency over white, unless `pixels` is
 * "opencv"; reads the first frame of an animation; and renders SVG at its own size.
 * @param source path, or the file's bytes
 * @throws UserError with the reason for a file that is missing, empty, no image, truncated, corrupt or too large; for
 * bytes an ImageError with only the reason
 * @example
 * const { width, height } = await decodeRgb("photo.jpg");
 */
export async function decodeRgb(
  source: string | Uint8Array,
  { maxPixels = MAX_PIXELS, pixels = "shown", maxSeconds = 0 }: Partial<DecodeOptions> = {},
): Promise<RgbImage> {
  const options = { maxPixels, pixels, maxSeconds };
  if (typeof source !== "string") return decodeBytes(source, options);
  try {
    return await decodeBytes(await readImageFile(source, []), options);
  } catch (error) {
    throw error instanceof UnreachableFile ? error : unusableFile(source, error);
  }
}

/** Returns the error for a file that cannot be used. @param reason an ImageError, or its message */
export function unusableFile(path: string, reason: unknown): UserError {
  const next = "Replace or remove this file; `npx guie preprocess` skips and lists such files.";
  return new UserError(`${path}: ${messageOf(reason)}.`, next, { cause: reason });
}

/** Reads files one after the other into the same memory, which avoids a page fault for each 4 KB. */
export class ImageFileReader {
  #memory = Buffer.alloc(0);
  /** Set after an unreachable file: following files are tried only once, until one can be read. */
  #isUnreachable = false;

  /**
   * Reads a file.
   * @returns the file's bytes, valid until the next call
   * @throws ImageError for a fault of the file itself; UnreachableFile, after several tries, for any other
   */
  async read(path: string): Promise<Uint8Array> {
    try {
      const bytes = await readPatiently(path, () => this.#read(path), this.#isUnreachable ? [] : undefined);
      this.#isUnreachable = false;
      return bytes;
    } catch (error) {
      this.#isUnreachable ||= error instanceof UnreachableFile;
      throw unreadable(error);
    }
  }

  #read(path: string): Uint8Array {
    const file = openRegularFile(path);
    try {
      const { size } = fstatSync(file);
      if (this.#memory.length < size) this.#memory = Buffer.alloc(2 * size);
      let end = 0;
      for (let count = -1; count !== 0 && end < size; end += count) {
        count = readSync(file, this.#memory, end, size - end, null);
      }
      return this.#memory.subarray(0, end);
    } finally {
      closeSync(file);
    }
  }
}

/**
 * Reads a file off the main thread, for files that may have to come from a disk.
 * @param pausesMs pauses before further tries; default: those of `readPatiently`
 * @throws ImageError for a fault of the file itself; UnreachableFile for any other
 */
export async function readImageFile(path: string, pausesMs?: readonly number[]): Promise<Uint8Array> {
  try {
    return await readPatiently(path, () => readRegularFile(path), pausesMs);
  } catch (error) {
    throw unreadable(error);
  }
}

/** Returns an ImageError for a fault of the file itself, and any other error unchanged. */
function unreadable(error: unknown): unknown {
  if (error instanceof NoFileError) return new ImageError(error.message, undefined, { cause: error });
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || environmentFault(error) !== undefined) return error;
  return new ImageError(`unreadable file (${code})`, undefined, { cause: error });
}

/** Returns width x height from the file's header, without decoding; 0 if the header cannot be read. */
export async function countPixels(bytes: Uint8Array): Promise<number> {
  const format = sniffFormat(bytes);
  if (!format) return 0;
  if (format === "bmp") return countPixelsOfBmp(bytes);
  if (isSharps(format)) return countPixelsBySharp(bytes);
  return countPixelsByMagick(bytes, format).catch(() => 0);
}

async function decodeBytes(bytes: Uint8Array, options: DecodeOptions): Promise<RgbImage> {
  if (bytes.length === 0) throw new ImageError("empty file");
  const format = sniffFormat(bytes);
  if (!format) throw new ImageError(describeOther(bytes));
  try {
    return await decodeFormat(bytes, format, options);
  } catch (error) {
    if (error instanceof UserError) throw error; // an ImageError, or a fault that is not the image's
    if (messageOf(error).includes("pixel limit"))
      throw new ImageError(`more than ${options.maxPixels} pixels`);
    if (messageOf(error).startsWith("timeout:"))
      throw new ImageError(`not decoded within ${options.maxSeconds} s`, undefined, { cause: error });
    // A library's message is only the cause: libvips' threads share it, so it differs from run to run.
    throw new ImageError(`truncated or corrupt ${format}`, undefined, { cause: error });
  }
}

function decodeFormat(bytes: Uint8Array, format: ImageFormat, options: DecodeOptions): Promise<RgbImage> {
  if (format === "bmp") return decodeBmp(bytes, options);
  if (format === "tiff" && isPlainYcbcrTiff(bytes)) return decodeByMagick(bytes, format, options);
  return isSharps(format) ? decodeBySharp(bytes, format, options) : decodeByMagick(bytes, format, options);
}

const SHARPS = ["jpeg", "png", "gif", "webp", "tiff", "avif", "svg"] as const;

function isSharps(format: ImageFormat): format is (typeof SHARPS)[number] {
  return (SHARPS as readonly string[]).includes(format);
}
