// Reads images with sharp (libvips): all formats except BMP and those that ImageMagick reads.
import type { Sharp } from "sharp";
import { ImageError } from "../pixels/image_error";
import { openJpeg } from "../pixels/open_jpeg";
import type { RgbImage } from "../pixels/rgb_image";
import type { DecodeOptions } from "./options";
import { refuseUnreadTiff } from "./tiff_tags";

type SharpFormat = "jpeg" | "png" | "gif" | "webp" | "tiff" | "avif" | "svg";

/** Supported sample types: others (floats, 32 bits) have no agreed black and white. */
const DEPTHS = ["uchar", "ushort"];

/** Decodes an image to RGB. @throws ImageError for unsupported images; sharp's errors for those that it refuses */
export async function decodeBySharp(
  bytes: Uint8Array,
  format: SharpFormat,
  { maxPixels, pixels, maxSeconds }: DecodeOptions,
): Promise<RgbImage> {
  const jpeg = format === "jpeg" ? openJpeg(bytes, maxPixels) : undefined;
  const image = (await openImage(jpeg?.file ?? bytes, format, maxPixels)).timeout({ seconds: maxSeconds });
  if (format === "tiff") {
    refuseUnreadTiff(bytes);
    await refuseOddSamples(image);
  }
  const isPlain = pixels === "opencv" && format !== "svg"; // OpenCV knows no SVG
  if (isPlain && (await image.metadata()).space === "cmyk")
    return decodeCmyk(image, format === "jpeg" ? cmykOfJpeg : cmykOfTiff);
  const opaque = isPlain ? image.removeAlpha() : image.flatten({ background: "#ffffff" });
  const { data, info } = await opaque.toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** Returns width x height from the file's header, without decoding; 0 if the header cannot be read. */
export async function countPixelsBySharp(bytes: Uint8Array): Promise<number> {
  const sharp = await loadSharp();
  const { width, height } = await sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch(() => ({ width: 0, height: 0 }));
  return width * height;
}

async function openImage(bytes: Uint8Array, format: SharpFormat, maxPixels: number): Promise<Sharp> {
  const sharp = await loadSharp();
  return sharp(bytes, {
    // Level "warning" refuses stray corruption inside a JPEG as well as truncation. libtiff warns of tags that are out
    // of order or 0, which change no pixel.
    failOn: format === "tiff" ? "error" : "warning",
    limitInputPixels: maxPixels,
    ignoreIcc: true,
    autoOrient: true,
  });
}

/** Loads sharp when it is needed: threads that decode only plain JPEGs never do. */
async function loadSharp() {
  return (await import("sharp")).default;
}

async function refuseOddSamples(image: Sharp): Promise<void> {
  const { depth } = await image.metadata();
  if (!DEPTHS.includes(depth!))
    throw new ImageError(
      `a TIFF of samples of the kind "${depth}", which is not read: convert it to 8 or 16 bits`,
    );
}

/** Function from an ink and black, as libvips returns them (255 is full ink), to a channel. */
type PlainCmyk = (ink: number, black: number) => number;

/** OpenCV's arithmetic for JPEG, which assumes inverted numbers, as Adobe's programs store them. */
const cmykOfJpeg: PlainCmyk = (ink, black) => 255 - black - ((ink * (255 - black)) >> 8);
/** libtiff's arithmetic. */
const cmykOfTiff: PlainCmyk = (ink, black) => Math.floor(((255 - ink) * (255 - black)) / 255);

async function decodeCmyk(image: Sharp, channel: PlainCmyk): Promise<RgbImage> {
  const inks = image.pipelineColourspace("cmyk").toColourspace("cmyk").raw();
  const { data, info } = await inks.toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const rgb = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; to < rgb.length; from += channels) {
    const black = data[from + 3]!;
    for (let c = 0; c < 3; c++) rgb[to++] = channel(data[from + c]!, black);
  }
  return { data: rgb, width, height };
}
