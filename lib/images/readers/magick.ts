// Reads images that sharp and jimp do not read, with ImageMagick as WebAssembly. A thread loads it (15 MB, half a
// second) at its first such image.
import { readFile } from "node:fs/promises";
import type * as Magick from "@imagemagick/magick-wasm";
import { messageOf, UserError } from "../../common/errors";
import { assertPixels } from "../pixels/image_error";
import type { RgbImage } from "../pixels/rgb_image";
import type { ImageFormat } from "./formats";
import type { DecodeOptions } from "./options";

/** Our format names -> ImageMagick's: a file is read only as the format of its first bytes. */
const CODERS = {
  "avif sequence": "AVIF",
  heic: "HEIC",
  bmp: "BMP",
  "jpeg 2000": "JP2",
  "jpeg xl": "JXL",
  psd: "PSD",
  pnm: "PNM",
  tiff: "TIFF",
} as const satisfies Partial<Record<ImageFormat, string>>;

/** A format that ImageMagick reads here. */
export type MagickFormat = keyof typeof CODERS;

let loading: Promise<typeof Magick> | undefined;

function load(): Promise<typeof Magick> {
  loading ??= (async () => {
    const magick = await import("@imagemagick/magick-wasm");
    await magick.initializeImageMagick(
      await readFile(require.resolve("@imagemagick/magick-wasm/magick.wasm")),
    );
    return magick;
  })().catch((error) => {
    throw new UserError(
      `ImageMagick cannot be loaded: ${messageOf(error)}`,
      "npm run setup, then start again.",
      { cause: error },
    );
  });
  return loading;
}

/** Error that ended ImageMagick: its memory is then in no known state, and later images would seem corrupt. */
let ended: unknown;

/** Calls `use` with ImageMagick. @throws UserError if ImageMagick itself fails, not the image */
async function withMagick<T>(use: (magick: typeof Magick) => T): Promise<T> {
  const magick = await load();
  try {
    if (ended) throw ended;
    return use(magick);
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    ended = error;
    throw new UserError(
      `ImageMagick ended: ${error.message}`,
      "Start again. If it is one image that does it, convert that one to PNG.",
      { cause: error },
    );
  }
}

/** Decodes the first image, or the file's primary one, to RGB, rotated by the file's orientation. */
export function decodeByMagick(
  bytes: Uint8Array,
  format: MagickFormat,
  { maxPixels, pixels }: DecodeOptions,
): Promise<RgbImage> {
  return withMagick((magick) => {
    assertPixels(countPixels(magick, bytes, format), maxPixels);
    return magick.ImageMagick.read(bytes, settingsOf(magick, format), (image) => {
      if (image.colorSpace === magick.ColorSpace.CMYK) image.colorSpace = magick.ColorSpace.sRGB;
      const { width, height } = image;
      const channels = image.hasAlpha && pixels === "shown" ? "RGBA" : "RGB";
      const data = image.getPixels((all) => all.toByteArray(0, 0, width, height, channels))!;
      return { data: channels === "RGBA" ? overWhite(data) : data, width, height };
    });
  });
}

/** Returns width x height from the file's header. */
export function countPixelsByMagick(bytes: Uint8Array, format: MagickFormat): Promise<number> {
  return withMagick((magick) => countPixels(magick, bytes, format));
}

function countPixels(magick: typeof Magick, bytes: Uint8Array, format: MagickFormat): number {
  const { width, height } = magick.MagickImageInfo.create(bytes, settingsOf(magick, format));
  return width * height;
}

function settingsOf({ MagickReadSettings }: typeof Magick, format: MagickFormat) {
  const settings = new MagickReadSettings({ frameIndex: 0, frameCount: 1 });
  settings.format = CODERS[format] as Magick.MagickFormat;
  return settings;
}

/** Puts transparent pixels over white: [H, W, 4] -> [H, W, 3], rounded. */
function overWhite(rgba: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4) {
    const alpha = rgba[from + 3]!;
    for (let c = 0; c < 3; c++) rgb[to++] = 255 - Math.round(((255 - rgba[from + c]!) * alpha) / 255);
  }
  return rgb;
}
