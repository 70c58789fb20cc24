// Tests of reading a JPEG's header.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { readJpegHeader, tidyJpeg } from "guie/dist/images/pixels/jpeg_header";
import sharp from "sharp";
import { draw, toSharp } from "./make";

const picture = draw(40, 30, (x, y) => x * y);

test("size, components and orientation equal sharp's for every kind of JPEG", async () => {
  const folder = installPath("test/golden/images");
  const files = readdirSync(folder).filter((name) => name.endsWith(".jpg"));
  const jpegs = files.map((name) => readFileSync(`${folder}/${name}`));
  jpegs.push(await toSharp(picture).toColourspace("cmyk").jpeg().toBuffer());
  for (let orientation = 1; orientation <= 8; orientation++) {
    jpegs.push(await toSharp(picture).withMetadata({ orientation }).jpeg().toBuffer());
    jpegs.push(await toSharp(picture).withIccProfile("p3").withMetadata({ orientation }).jpeg().toBuffer());
  }
  for (const jpeg of jpegs) {
    const { width, height, channels, orientation = 1, isProgressive } = await sharp(jpeg).metadata();
    const { components, ...header } = readJpegHeader(jpeg)!;
    assert.deepEqual([header.width, header.height], [width, height]);
    assert.deepEqual([components, header.orientation], [channels, orientation]);
    assert.equal(header.scans, isProgressive ? 10 : 1); // libjpeg's script for colour
    assert.equal(tidyJpeg(jpeg, readJpegHeader(jpeg)!), jpeg);
  }
});

test("EXIF is read in both byte orders", async () => {
  const plain = await toSharp(picture).jpeg().toBuffer();
  const little = "49492a0008000000" + "0100" + "12010300010000000600" + "0000" + "00000000";
  const big = "4d4d002a00000008" + "0001" + "01120003000000010006" + "0000" + "00000000";
  for (const tiff of [little, big]) {
    const exif = Buffer.from(`457869660000${tiff}`, "hex");
    const segment = Buffer.from([0xff, 0xe1, 0, exif.length + 2, ...exif]);
    const turned = Buffer.concat([plain.subarray(0, 2), segment, plain.subarray(2)]);
    assert.equal((await sharp(turned).metadata()).orientation, 6);
    assert.equal(readJpegHeader(turned)?.orientation, 6);
  }
});

test("truncated files and other formats have no header; a wrong length does no harm", async () => {
  const jpeg = await toSharp(picture).withMetadata({ orientation: 3 }).jpeg().toBuffer();
  const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]));
  for (let length = 0; length < scan; length++) {
    assert.equal(readJpegHeader(jpeg.subarray(0, length)), undefined, `${length} bytes`);
  }
  assert.equal(readJpegHeader(await toSharp(picture).png().toBuffer()), undefined);
  for (let at = 2; at < scan; at++) {
    const odd = Buffer.from(jpeg);
    odd[at] = 255 - odd[at]!;
    readJpegHeader(odd); // whatever it says, it ends and does not throw
  }
});
