import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { SharedLock } from "guie/dist/common/shared_lock";
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

function converter(
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

/** Before the last JPEG. */
function pixelsBeforeJpeg(made: JpegConverter, file: string): Promise<RgbImage> {
  return made.process(golden(file), ({ data, ...size }) => ({ data: data.slice(), ...size }));
}

const LIMIT = 0.1;

for (const file of readdirSync(FOLDER).filter((name) => !name.endsWith(".opencv.png"))) {
  test(`${file}: OpenCV's pixels before the last JPEG, and its JPEG after it`, async (t) => {
    const expected = await opencv(file);
    const difference = meanDifference(await pixelsBeforeJpeg(converter(t), file), expected);
    t.diagnostic(`mean difference ${difference.toFixed(4)} of 255`);
    assert.ok(difference <= LIMIT, `mean difference ${difference}`);

    const jpeg = await converter(t).make(golden(file));
    const written = await decodeRgb(
      await toSharp(expected).jpeg({ quality: 95, optimiseCoding: false }).toBuffer(),
    );
    assert.ok(meanDifference(await decodeRgb(jpeg), written) <= LIMIT);
  });
}

test("a whole photo-sized image, written: the pixels of cv2.imwrite", async (t) => {
  const smooth = draw(300, 260, (x, y, c) => {
    if (c === 0) return Math.floor((x * 255) / 299);
    if (c === 1) return Math.floor((y * 255) / 259);
    return Math.floor(((x - 100) ** 2 + (y - 90) ** 2) / 200);
  });
  const jpeg = await converter(t, { imageSizePx: 224 }).make(await toSharp(smooth).png().toBuffer());
  const expected = await decodeRgb(installPath("test/golden/resize_smooth_300x260.jpg")); // by make_resize.py
  const difference = meanDifference(await decodeRgb(jpeg), expected);
  assert.ok(difference <= 0.02, `mean difference ${difference}`);
});

test("through the engine's decoder and through sharp's: the same bytes", async (t) => {
  const made = converter(t);
  for (const file of ["area.jpg", "large.jpg", "progressive.jpg", "grey.jpg", "linear.jpg", "kept.jpg"]) {
    const bySharp = await toSharp(await decodeRgb(golden(file)))
      .png()
      .toBuffer();
    assert.deepEqual(await made.make(golden(file)), await made.make(bySharp), file);
  }
});

test("CMYK, transparency, a wrong name, a refused JPEG: none is lost", async (t) => {
  const made = converter(t);
  const picture = draw(90, 80, (x, y, c) => (x < 45 ? 230 : 20) + c * 8 + (y % 3));
  const cmyk = await toSharp(picture).toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
  assert.equal(readJpegHeader(cmyk)?.components, 4);
  const left = (image: RgbImage) => image.data[3 * 64 * 32 + 3 * 10]!;
  const right = (image: RgbImage) => image.data[3 * 64 * 32 + 3 * 54]!;
  const fromCmyk = await decodeRgb(await made.make(cmyk));
  assert.ok(left(fromCmyk) > 200 && right(fromCmyk) < 60, `${left(fromCmyk)}, ${right(fromCmyk)}`);

  const clear = { create: { width: 80, height: 80, channels: 4, background: "#00000000" } } as const;
  const fromClear = await decodeRgb(await made.make(await sharp(clear).png().toBuffer()));
  assert.ok(fromClear.data.every((value) => value >= 254));

  const svg = `<?xml version="1.0"?>\n<!-- a square --><svg xmlns="http://www.w3.org/2000/svg" width="80" height="90">
    <rect width="80" height="90" fill="#ff0000"/></svg>`;
  const fromSvg = await decodeRgb(await made.make(Buffer.from(svg)));
  assert.deepEqual([fromSvg.width, fromSvg.height], [SIZE, SIZE]);
  assert.ok(fromSvg.data[0]! > 250 && fromSvg.data[1]! < 5);
});

/** Writes zeros over 1,000 bytes of a JPEG's middle: it stays a JPEG, with a broken picture. */
function withHole(jpeg: Buffer): Buffer {
  const broken = Buffer.from(jpeg);
  return broken.fill(0, broken.length >> 1, (broken.length >> 1) + 1000);
}

test("a JPEG with a hole in its data is refused; those made beside it are not, and nothing is printed", async (t) => {
  const made = converter(t);
  const good = golden("large.jpg");
  const alone = await made.make(good);
  const files = Array.from({ length: 12 }, (_, i) => (i % 3 === 1 ? withHole(good) : good));
  const results = await Promise.allSettled(files.map((file) => made.make(file)));
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

test("what cannot be used says why", async (t) => {
  const made = converter(t);
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
      made.make(file),
      (error) => error instanceof ImageError && reason.test(error.message),
    );
  }
});

test("decoding at reduced size: near the exact pixels, and only where the image is large enough", async (t) => {
  const [exact, fast] = [converter(t), converter(t, { fast: true })];
  const smooth = draw(600, 500, (x, y, c) => 128 + 100 * Math.sin(x / 40 + c) * Math.cos(y / 30));
  const photo = await toSharp(smooth).jpeg({ quality: 95 }).toBuffer();
  const pixels = async (made: JpegConverter) => decodeRgb(await made.make(photo));
  const difference = meanDifference(await pixels(exact), await pixels(fast));
  assert.ok(difference > 0 && difference < 2, `mean difference ${difference}`);
  assert.deepEqual(await fast.make(golden("area.jpg")), await exact.make(golden("area.jpg"))); // 97 / 2 < 64
});

test("nothing of TensorFlow's is left behind", async () => {
  const before = liveHandles();
  const engine = new JpegEngine(95);
  const settings = { imageSizePx: SIZE, jpegQuality: 95, decoding: "full" } as const;
  const made = new JpegConverter(settings, engine.shared, new SharedLock());
  await made.make(golden("area.jpg"));
  await made.make(golden("area.png"));
  await made.make(withHole(golden("large.jpg"))).catch(() => {});
  engine.close();
  assert.deepEqual(liveHandles(), before);
});
