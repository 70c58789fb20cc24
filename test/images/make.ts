// Makes small images for tests.

import type { Normalisation } from "guie/dist/images/loading/value_table";
import type { RgbImage } from "guie/dist/images/pixels/rgb_image";
import sharp, { type Sharp } from "sharp";

/** Makes an image from a formula: `value(x, y, channel)` modulo 256. */
export function draw(
  width: number,
  height: number,
  value: (x: number, y: number, c: number) => number,
): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3);
    data[i] = value(pixel % width, Math.floor(pixel / width), i % 3);
  }
  return { data, width, height };
}

/** Computes (x/255 - mean)/std by channel, image after image. */
export function normalised(images: readonly RgbImage[], { mean, std }: Normalisation): Float32Array {
  const values = images.flatMap(({ data }) => [...data]);
  return Float32Array.from(values, (value, i) => (value / 255 - mean[i % 3]!) / std[i % 3]!);
}

/** Passes pixels to sharp, for encoding. */
export function toSharp({ data, width, height }: RgbImage): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** Makes a BMP file with rows from the bottom; 32 bits per pixel have a fourth byte of 0, as most programs write it. */
export function bmp({ data, width, height }: RgbImage, bitsPerPixel: 24 | 32): Buffer {
  const bytesPerPixel = bitsPerPixel / 8;
  const stride = Math.ceil((width * bytesPerPixel) / 4) * 4;
  const file = Buffer.alloc(54 + stride * height);
  file.write("BM");
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(bitsPerPixel, 28);
  for (let i = 0; i < width * height * 3; i++) {
    const pixel = Math.floor(i / 3);
    const row = height - 1 - Math.floor(pixel / width);
    file[54 + row * stride + (pixel % width) * bytesPerPixel + (2 - (i % 3))] = data[i]!;
  }
  return file;
}

/** Makes a progressive JPEG with this many further copies of its last scan. */
export async function manyScans(width: number, height: number, times: number): Promise<Buffer> {
  const grey = draw(width, height, (x, y) => x + y);
  return repeatLastScan(await toSharp(grey).greyscale().jpeg({ progressive: true }).toBuffer(), times);
}

/** Adds this many copies of the last scan, with its table, to a progressive JPEG. */
export function repeatLastScan(jpeg: Buffer, times: number): Buffer {
  const last = jpeg.lastIndexOf(Buffer.from([0xff, 0xc4]), jpeg.lastIndexOf(Buffer.from([0xff, 0xda])));
  const scan = jpeg.subarray(last, -2);
  return Buffer.concat([
    jpeg.subarray(0, -2),
    ...Array.from({ length: times }, () => scan),
    jpeg.subarray(-2),
  ]);
}
