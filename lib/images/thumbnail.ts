// Thumbnails: an image in memory as a small JPEG, which holds pixels and nothing else of the file they came from.
import sharp from "sharp";
import type { RgbImage } from "./pixels/rgb_image";

const QUALITY = 85;

/**
 * Returns an image as a JPEG whose longer side has at most `longerSidePx`. Metadata of the image's file (place, camera,
 * orientation) is not in it.
 */
export function thumbnailJpeg({ data, width, height }: RgbImage, longerSidePx: number): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(longerSidePx, longerSidePx, { fit: "inside", withoutEnlargement: true })
    .jpeg({ quality: QUALITY })
    .toBuffer();
}
