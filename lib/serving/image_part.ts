// Parts of query images: a client names a rectangle in shares of the image, and the service cuts the decoded image.
// So a JPEG is not compressed a second time, and formats that browsers cannot draw have parts too.
import { cropRectangle } from "../images/pixels/crop";
import type { RgbImage } from "../images/pixels/rgb_image";

/** A rectangle in shares of the image's width and height, 0..1, as it is seen (by its EXIF orientation). */
export interface ImagePart {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Shortest side of a part, px. */
const LEAST_PX = 8;
/** A number from 0 to 1 in decimal digits. */
const SHARE = /^(0|1|[01]?\.\d{1,20})$/;

/** What a part is expected to be, for messages. */
export const PART_WORDS =
  "expected left,top,right,bottom as shares of the image from 0 to 1, left below right and top below bottom, " +
  "for example 0.25,0.25,0.75,0.75";

/** The error for a part that is too small to be searched. */
export class SmallPart extends Error {}

/** Parses "left,top,right,bottom"; returns undefined for anything else, and for an empty rectangle. */
export function parseImagePart(text: string): ImagePart | undefined {
  const shares = text.split(",");
  if (shares.length !== 4 || !shares.every((share) => SHARE.test(share) && Number(share) <= 1))
    return undefined;
  const [left, top, right, bottom] = shares.map(Number) as [number, number, number, number];
  return left < right && top < bottom ? { left, top, right, bottom } : undefined;
}

/**
 * Cuts a part out of an image, by whole pixels, uint8 [height, width, 3]; returns the image itself for all of it.
 * @throws SmallPart if a side has fewer than 8 px
 */
export function cutPart(image: RgbImage, part: ImagePart): RgbImage {
  const isWhole = part.left === 0 && part.top === 0 && part.right === 1 && part.bottom === 1;
  if (isWhole) return image;
  const [left, right] = [Math.round(part.left * image.width), Math.round(part.right * image.width)];
  const [top, bottom] = [Math.round(part.top * image.height), Math.round(part.bottom * image.height)];
  const [width, height] = [right - left, bottom - top];
  if (Math.min(width, height) < LEAST_PX)
    throw new SmallPart(
      `the rectangle has ${width} x ${height} of the image's ${image.width} x ${image.height} pixels: expected at least ${LEAST_PX} x ${LEAST_PX}`,
    );
  return cropRectangle(image, { left, top, width, height });
}
