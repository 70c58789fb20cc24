// Tests of the conversion of image files to JPEGs, against OpenCV.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { SharedLock } from "guie/dist/common/parallel/shared_lock";
import { installPath } from "guie/dist/common/project";
import { liveHandles } from "guie/dist/engine/native/handles";
import { holdStderr } from "guie/dist/engine/native/native_stderr";
import { decodeRgb } from "guie/dist/images/decode";
import { JpegEngine } from "guie/dist/images/jpeg/codec";
import { JpegConverter } from "guie/dist/images/jpeg/convert";
import { ImageError } from "guie/dist/images/pixels/image_error";
import { readJpegHeader } from "guie/dist/images/pixels/jpeg_header";
import type { RgbImage } from "guie/dist/images/pixels/rgb_image";
import sharp from "sharp";
import { draw, toSharp } from "./make";

const SIZE = 64;
const FOLDER = installPath("test/golden/images"); // made by test/golden/make_jpegs.py with OpenCV
const golden = (file: string) => readFileSync(`${FOLDER}/${file}`);
const opencv = (file: string) => decodeRgb(golden(`${file}.opencv.png`));

function openConverter(
  t: { after(f: () => void): void },
  settings: Partial<{ imageSizePx: number; fast: boolean }> = {},
) {
  const { imageSizePx = SIZE, fast = false } = settings;
  const engine = new JpegEngine(95);
  const stderr = holdStderr();
  t.after(() => {
    stderr.release(() => true);
    engine.close();
  });
  const decoding = fast ? "reduced" : "full";
  return new JpegConverter({ imageSizePx, jpegQuality: 95, decoding }, engine.shared, new SharedLock());
}

function meanDifference(a: RgbImage, b: RgbImage): number {
  assert.deepEqual([a.width, a.height], [b.width, b.height]);
  return a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;
}

/** Returns the resized pixels before they are encoded. */
function pixelsBeforeJpeg(converter: JpegConverter, file: string): Promise<RgbImage> {
  return converter.withResized(golden(file), ({ data, ...size }) => ({ data: data.slice(), ...size }));
}

const LIMIT = 0.1;

for (const file of readdirSync(FOLDER).filter((name) => !name.endsWith(".opencv.png"))) {
  test(`${file}: OpenCV's pixels before encoding, and its JPEG afterwards`, async (t) => {
    const expected = await opencv(file);
    const difference = meanDifference(await pixelsBeforeJpeg(openConverter(t), file), expected);
    t.diagnostic(`mean difference ${difference.toFixed(4)} of 255`);
    assert.ok(difference <= LIMIT, `mean difference ${difference}`);

    const jpeg = await openConverter(t).convert(golden(file));
    const written = await decodeRgb(
      await toSharp(expected).jpeg({ quality: 95, optimiseCoding: false }).toBuffer(),
    );
    assert.ok(meanDifference(await decodeRgb(jpeg), written) <= LIMIT);
  });
}

test("a photo-sized image is written with the pixels of cv2.imwrite", async (t) => {
  const smooth = draw(300, 260, (x, y, c) => {
    if (c === 0) return Math.floor((x * 255) / 299);
    if (c === 1) return Math.floor((y * 255) / 259);
    return Math.floor(((x - 100) ** 2 + (y - 90) ** 2) / 200);
  });
  const jpeg = await openConverter(t, { imageSizePx: 224 }).convert(await toSharp(smooth).png().toBuffer());
  const expected = await decodeRgb(installPath("test/golden/resize_smooth_300x260.jpg")); // by make_resize.py
  const difference = meanDifference(await decodeRgb(jpeg), expected);
  assert.ok(difference <= 0.02, `mean difference ${difference}`);
});

test("the engine's decoder and sharp's give the same bytes", async (t) => {
  const converter = openConverter(t);
  for (const file of ["area.jpg", "large.jpg", "progressive.jpg", "grey.jpg", "linear.jpg", "kept.jpg"]) {
    const bySharp = await toSharp(await decodeRgb(golden(file)))
      .png()
      .toBuffer();
    assert.deepEqual(await converter.convert(golden(file)), await converter.convert(bySharp), file);
  }
});

test("CMYK, transparency, a wrong name and a refused JPEG are all converted", async (t) => {
  const converter = openConverter(t);
  const picture = draw(90, 80, (x, y, c) => (x < 45 ? 230 : 20) + c * 8 + (y % 3));
  const cmyk = await toSharp(picture).toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
  assert.equal(readJpegHeader(cmyk)?.components, 4);
  const left = (image: RgbImage) => image.data[3 * 64 * 32 + 3 * 10]!;
  const right = (image: RgbImage) => image.data[3 * 64 * 32 + 3 * 54]!;
  const fromCmyk = await decodeRgb(await converter.convert(cmyk));
  assert.ok(left(fromCmyk) > 200 && right(fromCmyk) < 60, `${left(fromCmyk)}, ${right(fromCmyk)}`);

  const clear = { create: { width: 80, height: 80, channels: 4, background: "#00000000" } } as const;
  const fromClear = await decodeRgb(await converter.convert(await sharp(clear).png().toBuffer()));
  assert.ok(fromClear.data.every((value) => value >= 254));

  const svg = `<?xml version="1.0"?>\n<!-- a square --><svg xmlns="http://www.w3.org/2000/svg" width="80" height="90">
    <rect width="80" height="90" fill="#ff0000"/></svg>`;
  const fromSvg = await decodeRgb(await converter.convert(Buffer.from(svg)));
  assert.deepEqual([fromSvg.width, fromSvg.height], [SIZE, SIZE]);
  assert.ok(fromSvg.data[0]! > 250 && fromSvg.data[1]! < 5);
});

/** Overwrites 1,000 bytes in the middle of a JPEG with zeros: it stays a JPEG, with corrupt pixels. */
function withHole(jpeg: Buffer): Buffer {
  const broken = Buffer.from(jpeg);
  return broken.fill(0, broken.length >> 1, (broken.length >> 1) + 1000);
}

test("a JPEG with a hole in its data is refused; others converted meanwhile are not; nothing is printed", async (t) => {
  const converter = openConverter(t);
  const good = golden("large.jpg");
  const alone = await converter.convert(good);
  const files = Array.from({ length: 12 }, (_, i) => (i % 3 === 1 ? withHole(good) : good));
  const results = await Promise.allSettled(files.map((file) => converter.convert(file)));
  for (const [i, result] of results.entries()) {
    if (i % 3 === 1) {
      assert.equal(result.status, "rejected");
      assert.ok(result.reason instanceof ImageError);
      assert.match(result.reason.message, /^truncated or corrupt jpeg$/);
    } else {
      assert.deepEqual(result, { status: "fulfilled", value: alone });
    }
  }
});

test("the error for an unusable file gives the reason", async (t) => {
  const converter = openConverter(t);
  const jpeg = golden("large.jpg");
  const bomb = Buffer.from(jpeg);
  const frame = bomb.indexOf(Buffer.from([0xff, 0xc0]));
  bomb.writeUInt16BE(60_000, frame + 5);
  bomb.writeUInt16BE(60_000, frame + 7);
  const cases: [Uint8Array, RegExp][] = [
    [Buffer.alloc(0), /^empty file$/],
    [Buffer.from("no image"), /^not an image/],
    [jpeg.subarray(0, jpeg.length / 2), /^truncated or corrupt jpeg$/],
    [jpeg.subarray(0, 100), /^truncated or corrupt jpeg$/],
    [golden("area.png").subarray(0, 9000), /^truncated or corrupt png$/],
    [golden("area.bmp").subarray(0, 20), /^truncated or corrupt bmp$/],
    [bomb, /^more than 100000000 pixels$/],
  ];
  for (const [file, reason] of cases) {
    await assert.rejects(
      converter.convert(file),
      (error) => error instanceof ImageError && reason.test(error.message),
    );
  }
});

test("decoding at reduced size is close to the exact pixels, and used only for large images", async (t) => {
  const [exact, fast] = [openConverter(t), openConverter(t, { fast: true })];
  const smooth = draw(600, 500, (x, y, c) => 128 + 100 * Math.sin(x / 40 + c) * Math.cos(y / 30));
  const photo = await toSharp(smooth).jpeg({ quality: 95 }).toBuffer();
  const pixels = async (converter: JpegConverter) => decodeRgb(await converter.convert(photo));
  const difference = meanDifference(await pixels(exact), await pixels(fast));
  assert.ok(difference > 0 && difference < 2, `mean difference ${difference}`);
  assert.deepEqual(await fast.convert(golden("area.jpg")), await exact.convert(golden("area.jpg"))); // 97 / 2 < 64
});

test("no handle of TensorFlow is left behind", async () => {
  const before = liveHandles();
  const engine = new JpegEngine(95);
  const settings = { imageSizePx: SIZE, jpegQuality: 95, decoding: "full" } as const;
  const converter = new JpegConverter(settings, engine.shared, new SharedLock());
  await converter.convert(golden("area.jpg"));
  await converter.convert(golden("area.png"));
  await converter.convert(withHole(golden("large.jpg"))).catch(() => {});
  engine.close();
  assert.deepEqual(liveHandles(), before);
});
