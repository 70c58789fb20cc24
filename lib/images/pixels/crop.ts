// Rectangles and squares of an image.
import type { RgbImage } from "./rgb_image";

/** A part of an image, px. */
export interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Cuts a rectangle out of an image, uint8 [height, width, 3]; returns an image of that size itself. */
export function cropRectangle(image: RgbImage, { left, top, width, height }: Rectangle): RgbImage {
  if (image.width === width && image.height === height) return image;
  const part = new Uint8Array(3 * width * height);
  for (let row = 0; row < height; row++) {
    const start = 3 * ((top + row) * image.width + left);
    part.set(image.data.subarray(start, start + 3 * width), 3 * row * width);
  }
  return { data: part, width, height };
}

/** Returns the square in an image's middle; a square image itself. */
export function centreSquare(image: RgbImage): RgbImage {
  const side = Math.min(image.width, image.height);
  const [left, top] = [(image.width - side) >> 1, (image.height - side) >> 1];
  return cropRectangle(image, { left, top, width: side, height: side });
}

/** Returns an image in the middle of a black square; a square image itself. */
export function padToSquare(image: RgbImage): RgbImage {
  const { width, height, data } = image;
  if (width === height) return image;
  const side = Math.max(width, height);
  const [left, top] = [(side - width) >> 1, (side - height) >> 1];
  const square = new Uint8Array(3 * side * side);
  for (let row = 0; row < height; row++)
    square.set(data.subarray(3 * row * width, 3 * (row + 1) * width), 3 * ((top + row) * side + left));
  return { data: square, width: side, height: side };
}
