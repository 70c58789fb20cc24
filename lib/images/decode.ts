// Any image file to RGB pixels. sharp (libvips) reads everything but BMP, which jimp reads.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { messageOf, UserError } from "../common/errors";
import type { RgbImage } from "../pixels/rgb_image";
import { assertPixels, ImageError, MAX_PIXELS } from "./image_error";
import { openJpeg } from "./jpeg/open";

/** What this library reads. */
export type ImageFormat = "jpeg" | "png" | "gif" | "webp" | "tiff" | "avif" | "bmp" | "svg";

/** How each format's file begins, as latin-1 text; "." stands for any byte. */
const SIGNATURES: readonly [ImageFormat, RegExp][] = [
  ["jpeg", /^\xff\xd8\xff/],
  ["png", /^\x89PNG\r\n/],
  ["gif", /^GIF8[79]a/],
  ["webp", /^RIFF.{4}WEBP/s],
  ["tiff", /^(II[*+]\0|MM\0[*+])/],
  ["avif", /^.{4}ftyp(avi[fs]|mif1.{4,24}avif)/s],
  ["bmp", /^BM.{12}[\f(48@l|]\0\0\0/s], // second header of 12, 40, 52, 56, 64, 108 or 124 bytes
  ["svg", /^(\xef\xbb\xbf)?\s*<(svg|[?!](?!doctype html).*<svg)[\s>]/is], // perhaps after <?xml ... ?>
];
/** What libvips looks at to find an SVG; the others need 18. */
const SIGNATURE_BYTES = 1000;

/** The format that the first bytes tell, whatever the file is called; undefined if it is none that we read. */
export function sniffFormat(bytes: Uint8Array): ImageFormat | undefined {
  const head = Buffer.from(bytes.subarray(0, SIGNATURE_BYTES)).toString("latin1");
  return SIGNATURES.find(([, signature]) => signature.test(head))?.[0];
}

/**
 * Decodes an image to 8-bit RGB as OpenCV's `imread` does: EXIF orientation applied, embedded RGB colour profiles
 * left alone (training and the exported model see the file's own numbers), 16-bit samples to their high byte, grey
 * repeated. Beyond OpenCV: CMYK by its profile, transparency over white, the first frame of an animation, SVG at its
 * own size.
 * @param source a path, or the file's bytes
 * @throws UserError with the reason for a file that is missing, empty, no image, truncated, corrupt or too large; an ImageError with the reason
 * alone for bytes
 */
export async function decodeRgb(
  source: string | Uint8Array,
  { maxPixels = MAX_PIXELS }: { maxPixels?: number } = {},
): Promise<RgbImage> {
  if (typeof source !== "string") return decodeBytes(source, maxPixels);
  try {
    return await decodeBytes(await readImageFile(source), maxPixels);
  } catch (error) {
    throw unusableFile(source, error);
  }
}

/** What is told of a file that cannot be used. @param reason an ImageError, or its message */
export function unusableFile(path: string, reason: unknown): UserError {
  const next = "Replace or remove this file; `npx guie preprocess` skips and lists such files.";
  return new UserError(`${path}: ${messageOf(reason)}.`, next, { cause: reason });
}

/** Reads files one after the other into the same memory, which spares the system a page fault for each 4 KB. */
export class ImageFileReader {
  #memory = Buffer.alloc(0);

  /** @returns the file's bytes, until the next call @throws ImageError */
  read(path: string): Uint8Array {
    try {
      return this.#read(path);
    } catch (error) {
      throw unreadable(error);
    }
  }

  #read(path: string): Uint8Array {
    const file = openSync(path, "r");
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

/** The same off the main thread: for files that may have to come from a disk. */
async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unreadable(error);
  }
}

function unreadable(error: unknown): ImageError {
  const { code } = error as NodeJS.ErrnoException;
  const reason = code === "ENOENT" ? "missing file" : `unreadable file (${code})`;
  return new ImageError(reason, undefined, { cause: error });
}

/** Width x height by the file's header, nothing decoded; 0 for what has none that can be read. */
export async function countPixels(bytes: Uint8Array): Promise<number> {
  const format = sniffFormat(bytes);
  if (!format) return 0;
  if (format === "bmp") return bmpPixels(bytes);
  const sharp = await loadSharp();
  const { width, height } = await sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch(() => ({ width: 0, height: 0 }));
  return width * height;
}

async function decodeBytes(bytes: Uint8Array, maxPixels: number): Promise<RgbImage> {
  if (bytes.length === 0) throw new ImageError("empty file");
  const format = sniffFormat(bytes);
  if (!format) throw new ImageError("not an image (its first bytes are of no format that is read)");
  try {
    if (format === "bmp") return await decodeBmp(bytes, maxPixels);
    const file = (format === "jpeg" && openJpeg(bytes, maxPixels)?.file) || bytes;
    return await decodeBySharp(file, maxPixels);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    if (messageOf(error).includes("pixel limit")) throw new ImageError(`more than ${maxPixels} pixels`);
    // libvips' own words are the cause only: its threads share them, so that they differ from run to run.
    throw new ImageError(`truncated or corrupt ${format}`, undefined, { cause: error });
  }
}

/** Threads that decode plain JPEGs need no sharp. */
async function loadSharp() {
  return (await import("sharp")).default;
}

async function decodeBySharp(bytes: Uint8Array, maxPixels: number): Promise<RgbImage> {
  // "warning" is the level that refuses stray corruption inside a JPEG as well as truncation.
  const sharp = await loadSharp();
  const image = sharp(bytes, {
    failOn: "warning",
    limitInputPixels: maxPixels,
    ignoreIcc: true,
    autoOrient: true,
  });
  const opaque = image.flatten({ background: "#ffffff" }).toColourspace("srgb").raw();
  const { data, info } = await opaque.toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

async function decodeBmp(bytes: Uint8Array, maxPixels: number): Promise<RgbImage> {
  assertPixels(bmpPixels(bytes), maxPixels);
  const { Jimp } = await import("jimp"); // loaded for the first BMP only: it takes a third of a second
  const { width, height, data: rgba } = (await Jimp.fromBuffer(Buffer.from(bytes))).bitmap;
  const data = new Uint8Array(width * height * 3);
  // The fourth byte is left out: in most BMP files it is padding, not opacity.
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = rgba[from]!;
    data[to + 1] = rgba[from + 1]!;
    data[to + 2] = rgba[from + 2]!;
  }
  return { data, width, height };
}

/** Width x height of a BMP file's header, known before anything is allocated for it. */
function bmpPixels(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isOs2 = view.getUint32(14, true) === 12;
  if (isOs2) return view.getUint16(18, true) * view.getUint16(20, true);
  return Math.abs(view.getInt32(18, true) * view.getInt32(22, true));
}
