// Tests of decoding image files of every common format, and of the errors for unusable ones.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { UserError } from "guie/dist/common/errors";
import { decodeRgb } from "guie/dist/images/decode";
import type { RgbImage } from "guie/dist/images/pixels/rgb_image";
import { sniffFormat } from "guie/dist/images/readers/formats";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";
import { bmp, draw, toSharp } from "./make";

const picture = draw(13, 7, (x, y, c) => x * 19 + y * 31 + c * 70);

function assertSame(actual: RgbImage, expected: RgbImage): void {
  assert.deepEqual([actual.width, actual.height], [expected.width, expected.height]);
  assert.deepEqual([...actual.data], [...expected.data]);
}

test("lossless formats decode pixel for pixel, whatever the file's name", async (t) => {
  const files = {
    png: await toSharp(picture).png().toBuffer(),
    webp: await toSharp(picture).webp({ lossless: true }).toBuffer(),
    tiff: await toSharp(picture).tiff({ compression: "lzw" }).toBuffer(),
    bmp: bmp(picture, 24),
  };
  for (const [format, bytes] of Object.entries(files)) {
    assert.equal(sniffFormat(bytes), format);
    assertSame(await decodeRgb(bytes), picture);
    const path = join(temporaryFolder(t), "called.jpg");
    writeFile(path, bytes);
    assertSame(await decodeRgb(path), picture);
  }
});

test("a BMP's fourth byte is padding, not opacity", async () => {
  assertSame(await decodeRgb(bmp(picture, 32)), picture);
});

test("an animation decodes to its first frame", async () => {
  const frame = (value: number) =>
    toSharp(draw(4, 4, () => value))
      .png()
      .toBuffer();
  const frames = [await frame(200), await frame(10)];
  for (const format of ["gif", "webp"] as const) {
    const animation = await sharp(frames, { join: { animated: true } })
      .toFormat(format, { lossless: true })
      .toBuffer();
    assert.equal((await sharp(animation).metadata()).pages, 2);
    assert.equal(sniffFormat(animation), format);
    assertSame(
      await decodeRgb(animation),
      draw(4, 4, () => 200),
    );
  }
});

test("EXIF orientation is applied: the left side becomes the top", async () => {
  const leftWhite = draw(32, 16, (x) => (x < 16 ? 255 : 0));
  const turned = await toSharp(leftWhite).withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
  const upWhite = draw(16, 32, (_, y) => (y < 16 ? 255 : 0));
  assertSame(await decodeRgb(turned), upWhite);
});

test("grey is repeated, 16-bit samples are reduced to their high byte", async () => {
  const ramp = Uint8Array.from({ length: 64 }, (_, i) => 3 * i);
  const grey = await sharp(ramp, { raw: { width: 8, height: 8, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
  assert.equal((await sharp(grey).metadata()).channels, 1);
  assertSame(
    await decodeRgb(grey),
    draw(8, 8, (x, y) => 3 * (8 * y + x)),
  );

  const samples = Uint16Array.from(picture.data, (value) => value * 256 + 200);
  const raw = { width: picture.width, height: picture.height, channels: 3 } as const;
  const deep = await sharp(samples, { raw }).toColourspace("rgb16").png().toBuffer();
  assert.equal((await sharp(deep).metadata()).depth, "ushort");
  assertSame(await decodeRgb(deep), picture);
});

test("transparent pixels are put over white", async () => {
  const rgba = Uint8Array.from([0, 0, 0, 128, 10, 20, 30, 0, 10, 20, 30, 255]);
  const png = await sharp(rgba, { raw: { width: 3, height: 1, channels: 4 } })
    .png()
    .toBuffer();
  const { data } = await decodeRgb(png);
  assert.deepEqual([...data], [127, 127, 127, 255, 255, 255, 10, 20, 30]); // 255 x (1 - 128/255) = 127
});

test("CMYK becomes RGB: white stays white, colours keep their order", async () => {
  const colours = draw(24, 8, (x, _, c) =>
    x < 8 ? 255 : x < 16 ? (c === 0 ? 200 : 40) : c === 2 ? 200 : 40,
  );
  const cmyk = await toSharp(colours).toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
  assert.equal((await sharp(cmyk).metadata()).space, "cmyk");
  const { data, width, height } = await decodeRgb(cmyk);
  assert.deepEqual([width, height], [24, 8]);
  const [white, red, blue] = [3, 11, 19].map((x) => [...data.subarray(3 * x, 3 * x + 3)]);
  assert.ok(Math.min(...white!) > 245, `white became ${white}`);
  assert.ok(red![0]! > red![1]! + 60 && red![0]! > red![2]! + 60, `red became ${red}`);
  assert.ok(blue![2]! > blue![0]! + 60 && blue![2]! > blue![1]! + 60, `blue became ${blue}`);
});

test("an RGB colour profile does not change the file's numbers", async () => {
  const profiled = await toSharp(picture).withIccProfile("p3").png().toBuffer();
  const numbers = await sharp(profiled, { ignoreIcc: true }).raw().toBuffer();
  assert.notDeepEqual([...numbers], [...picture.data]); // the encoder converted them to the profile
  assert.deepEqual([...(await decodeRgb(profiled)).data], [...numbers]);
});

test("truncated files of every format are refused with the reason", async () => {
  const large = draw(64, 48, (x, y, c) => x * 19 + y * y * 31 + c * 70);
  const files = {
    jpeg: await toSharp(large).jpeg().toBuffer(),
    "progressive jpeg": await toSharp(large).jpeg({ progressive: true }).toBuffer(),
    png: await toSharp(large).png().toBuffer(),
    webp: await toSharp(large).webp().toBuffer(),
    gif: await toSharp(large).gif().toBuffer(),
    tiff: await toSharp(large).tiff().toBuffer(),
    avif: await toSharp(large).avif().toBuffer(),
    bmp: bmp(large, 24),
  };
  for (const [name, bytes] of Object.entries(files)) {
    await decodeRgb(bytes);
    for (const share of [0.95, 0.5]) {
      const cut = bytes.subarray(0, Math.floor(share * bytes.length));
      await assert.rejects(
        decodeRgb(cut),
        (error) => error instanceof UserError && /corrupt/.test(error.message),
        name,
      );
    }
  }
});

test("stray corruption inside a JPEG is refused", async () => {
  const jpeg = await toSharp(draw(64, 48, (x, y, c) => x * 19 + y * y * 31 + c * 70))
    .jpeg()
    .toBuffer();
  const start = Math.floor(jpeg.length / 2);
  for (let i = start; i < start + 20; i++) jpeg[i] = (i * 37) % 255;
  await assert.rejects(decodeRgb(jpeg), /truncated or corrupt jpeg/);
});

test("SVG is drawn at its own size over white", async () => {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="6" height="4"><rect width="3" height="4"/></svg>`;
  for (const file of [svg, `\ufeff<?xml version="1.0"?>\n<!-- black and white -->\n${svg}`]) {
    assert.equal(sniffFormat(Buffer.from(file)), "svg");
    assertSame(
      await decodeRgb(Buffer.from(file)),
      draw(6, 4, (x) => (x < 3 ? 0 : 255)),
    );
  }
});

test("the error for a file that is no image gives the reason and the path", async (t) => {
  await assert.rejects(decodeRgb(new Uint8Array(0)), /^UserError: empty file$/);
  await assert.rejects(decodeRgb(Buffer.from("<!doctype html><svg></svg>")), /not an image/);
  await assert.rejects(decodeRgb(Buffer.from("BMW is a car, and this is a text about it")), /not an image/);
  const folder = temporaryFolder(t);
  writeFile(join(folder, "text.jpg"), "only text");
  await assert.rejects(decodeRgb(join(folder, "text.jpg")), /text\.jpg: not an image.*\n {2}Next:/);
  await assert.rejects(decodeRgb(join(folder, "none.jpg")), /none\.jpg cannot be read now: missing file/);
});

test("more pixels than allowed are refused before they are decoded", async () => {
  const png = await toSharp(picture).png().toBuffer();
  await assert.rejects(decodeRgb(png, { maxPixels: 90 }), /more than 90 pixels/);
  await decodeRgb(png, { maxPixels: 91 }); // 13 x 7
  await assert.rejects(decodeRgb(bmp(picture, 24), { maxPixels: 90 }), /more than 90 pixels/);
  const claim = bmp(picture, 24);
  claim.writeInt32LE(60_000, 18);
  claim.writeInt32LE(-60_000, 22);
  await assert.rejects(decodeRgb(claim), /more than 100000000 pixels/);
});
