// Rectangles of an image.
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
