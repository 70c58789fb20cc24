// Compares the pixels of unusual images with OpenCV's, or with Pillow's where OpenCV reads none.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { SharedLock } from "guie/dist/common/parallel/shared_lock";
import { installPath } from "guie/dist/common/project";
import { countPixels, decodeRgb } from "guie/dist/images/decode";
import { JpegEngine } from "guie/dist/images/jpeg/codec";
import { JpegConverter } from "guie/dist/images/jpeg/convert";
import { loadImages } from "guie/dist/images/loading/loader";
import { ImageError } from "guie/dist/images/pixels/image_error";
import { readJpegHeader } from "guie/dist/images/pixels/jpeg_header";
import { openJpeg } from "guie/dist/images/pixels/open_jpeg";
import { describeOther, sniffFormat } from "guie/dist/images/readers/formats";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";
import { bmp, draw, manyScans } from "./make";

/** Made by test/golden/make_odd_images.py with OpenCV and Pillow. */
interface OddImage {
  name: string;
  width: number;
  height: number;
  sha256: string;
  /** base64 */
  file: string;
}

const images: OddImage[] = JSON.parse(readFileSync(installPath("test/golden/odd_images.json"), "utf8"));
const fileOf = (name: string) => Buffer.from(images.find((image) => image.name === name)!.file, "base64");

for (const { name, width, height, sha256, file } of images) {
  test(`${name}: OpenCV's or Pillow's pixels`, async () => {
    const bytes = Buffer.from(file, "base64");
    const decoded = await decodeRgb(bytes, { pixels: "opencv" });
    assert.deepEqual([decoded.width, decoded.height], [width, height]);
    assert.equal(createHash("sha256").update(decoded.data).digest("hex"), sha256);
    assert.equal(sniffFormat(bytes), /^(jpeg 2000|jpeg xl|\w+)/.exec(name)![0]);
    if (/turned|primary/.test(name)) return;
    assert.equal(await countPixels(bytes), width * height);
  });
}

test("by default transparency is put over white, and CMYK converted by its profile", async () => {
  for (const name of ["png, transparent", "webp, transparent"]) {
    const shown = await decodeRgb(fileOf(name));
    assert.deepEqual([...shown.data.subarray(0, 3)], [255, 255, 255], "all of white where alpha is 0");
    const hidden = await decodeRgb(fileOf(name), { pixels: "opencv" });
    assert.deepEqual([...shown.data.subarray(45, 48)], [...hidden.data.subarray(45, 48)], "alpha 255");
    assert.notDeepEqual(shown.data, hidden.data);
  }
  const [shown, plain] = await Promise.all([
    decodeRgb(fileOf("jpeg, CMYK")),
    decodeRgb(fileOf("jpeg, CMYK"), { pixels: "opencv" }),
  ]);
  const difference = shown.data.reduce((sum, value, i) => sum + Math.abs(value - plain.data[i]!), 0);
  assert.ok(difference / shown.data.length > 5);
});

test("truncated files are refused with their format, whichever library reads them", async () => {
  const cuts: [string, RegExp][] = [
    ["heic", /^truncated or corrupt heic$/],
    ["jpeg 2000", /^truncated or corrupt jpeg 2000$/],
    ["jpeg xl", /^truncated or corrupt jpeg xl$/],
    ["bmp of OS/2, 24 bits", /^truncated or corrupt bmp$/],
    ["bmp of run lengths, 8 bits, 7 wide", /^truncated or corrupt bmp$/],
    ["pnm", /^truncated or corrupt pnm$/],
    ["psd", /^truncated or corrupt psd$/],
    ["tiff, tags backwards", /^truncated or corrupt tiff$/],
  ];
  for (const [name, reason] of cuts) {
    const file = fileOf(name);
    await assert.rejects(
      decodeRgb(file.subarray(0, file.length >> 1)),
      (error) => error instanceof ImageError && reason.test(error.message),
      name,
    );
  }
  await assert.rejects(decodeRgb(fileOf("heic"), { maxPixels: 3000 }), /^UserError: more than 3000 pixels$/);
  const ofWholeBytes = bmp(
    draw(3, 2, (x) => x),
    24,
  );
  await assert.rejects(decodeRgb(ofWholeBytes.subarray(0, 60)), /truncated or corrupt bmp/);
});

test("formats that are not read are named", async () => {
  const text = (...parts: string[]) => Buffer.from(parts.join(""), "latin1");
  const cases: [Buffer, RegExp][] = [
    [text("\0\0\x01\0\x01\0"), /^an icon, which is not read: convert it to PNG or JPEG$/],
    [text("qoif\0"), /^a QOI image/],
    [text("\0\0\0\x18ftypmp42\0\0\0\0mp42isom"), /^a video/],
    [text("%PDF-1.4\n"), /^a PDF document/],
    [text("version https://git-lfs.github.com/spec/v1\noid"), /^a Git LFS pointer .*git lfs pull/],
    [text("<!DOCTYPE html><html>404"), /^not an image but a web page/],
    [text('{"error": 404}'), /^not an image but JSON text/],
    [text("PK\x03\x04"), /^not an image but an archive: unpack it$/],
    [Buffer.alloc(50), /^not an image: its first bytes are all 0/],
    [text("only text"), /^not an image \(its first bytes/],
  ];
  for (const [bytes, reason] of cases) {
    assert.match(describeOther(bytes), reason);
    await assert.rejects(decodeRgb(bytes), (error) => error instanceof ImageError);
  }
  const floats = sharp(Buffer.alloc(12), { raw: { width: 2, height: 2, channels: 3 } });
  const tiff = await floats
    .pipelineColourspace("scrgb")
    .toColourspace("scrgb")
    .tiff({ compression: "none" })
    .toBuffer();
  await assert.rejects(decodeRgb(tiff), /a TIFF of samples of the kind "float", which is not read/);
});

test("a JPEG of too many scans is refused before it is decoded, in preprocessing, training and elsewhere", async (t) => {
  const few = await manyScans(30, 20, 40);
  const { scans } = readJpegHeader(few)!;
  assert.ok(scans > 40 && scans < 60);
  assert.ok(openJpeg(few));
  const many = await manyScans(30, 20, 101);
  const reason = /^(UserError: )?a JPEG of \d+ scans: at 600 pixels, 100 are decoded at most$/;
  await assert.rejects(decodeRgb(many), reason);
  const behind = Buffer.concat([many.subarray(0, -2), Buffer.from([0xff, 0xe0, 0xff, 0xff])]);
  await assert.rejects(decodeRgb(behind), reason, "a segment beyond the end, behind the scans");

  const engine = new JpegEngine(95);
  t.after(() => engine.close());
  const settings = { imageSizePx: 64, jpegQuality: 95, decoding: "full" } as const;
  await assert.rejects(new JpegConverter(settings, engine.shared, new SharedLock()).convert(many), reason);
  const folder = temporaryFolder(t);
  writeFile(join(folder, "many.jpg"), many);
  await assert.rejects(loadImages(folder, ["many.jpg"], 32, 1), /many\.jpg: a JPEG of \d+ scans/);
});

test("the larger a JPEG, the fewer scans: 20 at 100 megapixels", async () => {
  const jpeg = await manyScans(30, 20, 19);
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc2]));
  jpeg.writeUInt16BE(10_000, frame + 5);
  jpeg.writeUInt16BE(10_000, frame + 7);
  assert.throws(() => openJpeg(jpeg), /at 100000000 pixels, 20 are decoded at most/);
  jpeg.writeUInt16BE(5_000, frame + 5);
  assert.ok(openJpeg(jpeg));
});

test("the engine ignores stray bytes in a JPEG's header too", async (t) => {
  const engine = new JpegEngine(95);
  t.after(() => engine.close());
  const settings = { imageSizePx: 64, jpegQuality: 95, decoding: "full" } as const;
  const converter = new JpegConverter(settings, engine.shared, new SharedLock());
  for (const { name, sha256 } of images.filter(({ name }) =>
    /^jpeg, (stray|stuffed|padded|JFIF|.*scan)/.test(name),
  )) {
    const pixels = await converter.withResized(fileOf(name), ({ data }) => data.slice());
    assert.equal(createHash("sha256").update(pixels).digest("hex"), sha256, name);
  }
});
