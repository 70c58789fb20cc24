// Tests of loading images for training: the engine's pixels equal sharp's, and errors name the file.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { decodeRgb } from "guie/dist/images/decode";
import { inputSquare } from "guie/dist/images/input_square";
import { loadImages, normaliseImages } from "guie/dist/images/loading/loader";
import type { RgbImage } from "guie/dist/images/pixels/rgb_image";
import { draw, toSharp } from "./make";

const folder = mkdtempSync(join(tmpdir(), "guie-loader-"));
after(() => rmSync(folder, { recursive: true }));

const photo = (width: number, height: number) =>
  draw(width, height, (x, y, c) => [x + 20 * Math.sin(y / 5), y, (x * y) / 40][c]!);
const jpegOf = (image: RgbImage) => toSharp(image).jpeg({ quality: 95 }).toBuffer();

async function load(name: string, file: Uint8Array, size: number): Promise<RgbImage> {
  writeFileSync(join(folder, name), file);
  return (await loadImages(folder, [name], size, 1))[0]!;
}

/** Decodes and resizes a file without the engine, as a reference. */
async function plainPixels(file: Uint8Array, size: number): Promise<RgbImage> {
  const { data, ...square } = inputSquare(await decodeRgb(file), size, "squash");
  return { data: Uint8Array.from(data), ...square };
}

const SIZES: [width: number, height: number, size: number][] = [
  [224, 224, 224], // decoded only: the same libjpeg arithmetic
  [224, 224, 112],
  [100, 150, 224],
  [300, 260, 224], // area
  [448, 448, 224], // halved
  [400, 200, 224], // linear
  [448, 300, 98], // area, then bilinear
];
for (const [width, height, size] of SIZES) {
  test(`a JPEG of ${width}x${height} at ${size} px: the engine's pixels equal sharp's`, async () => {
    const file = await jpegOf(photo(width, height));
    const image = await load(`${width}x${height}.jpg`, file, size);
    assert.deepEqual(image, await plainPixels(file, size));
  });
}

test("EXIF rotation, CMYK and PNG: the pixels equal sharp's", async () => {
  const image = photo(40, 30);
  const files: [string, Buffer][] = [
    ["turned.jpg", await toSharp(image).jpeg().withMetadata({ orientation: 6 }).toBuffer()],
    ["cmyk.jpg", await toSharp(image).toColourspace("cmyk").jpeg().toBuffer()],
    ["picture.png", await toSharp(image).png().toBuffer()],
  ];
  for (const [name, file] of files) {
    assert.deepEqual(await load(name, file, 32), await plainPixels(file, 32), name);
  }
});

test("a truncated JPEG and a missing file are refused by name", async () => {
  const whole = await jpegOf(photo(64, 64));
  const half = load("half.jpg", whole.subarray(0, whole.length / 2), 32);
  await assert.rejects(half, /half\.jpg: truncated or corrupt jpeg\.\n.*Next: Replace/);
  await assert.rejects(loadImages(folder, ["none.jpg"], 32, 1), /none\.jpg cannot be read now: missing file/);
});

test("normalisation: (x/255 - mean)/std by channel, image after image", () => {
  const dark = { width: 1, height: 1, data: Uint8Array.of(0, 0, 0) };
  const bright = { width: 1, height: 1, data: Uint8Array.of(255, 51, 102) };
  const values = normaliseImages([dark, bright], { mean: [0.5, 0.2, 0], std: [0.5, 0.1, 2] });
  const expected = [-1, -2, 0, 1, 0, 0.2];
  for (const [i, value] of values.entries())
    assert.ok(Math.abs(value - expected[i]!) < 1e-6, `${i}: ${value}`);
});
