// Tests of the pixel loader: its pixels, the reuse of its memory, and errors that name the image.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { augmentationRows } from "guie/dist/config/augmentation";
import { RESIZE_MODES, type ResizeMode } from "guie/dist/config/model";
import { decodeRgb } from "guie/dist/images/decode";
import { inputSquare } from "guie/dist/images/input_square";
import { augment } from "guie/dist/images/loading/augment";
import { drawAugmentPlan } from "guie/dist/images/loading/augment_plan";
import { decodeToSquare } from "guie/dist/images/loading/encoded";
import { prepareImage } from "guie/dist/images/loading/image_threads";
import { loadImages } from "guie/dist/images/loading/loader";
import { PixelLoader } from "guie/dist/images/loading/pixel_loader";
import { VIEWS, wholeImage } from "guie/dist/images/loading/views";
import type { RgbImage } from "guie/dist/images/pixels/rgb_image";
import { draw, normalised, toSharp } from "./make";

const NORMALISATION = { mean: [0.5, 0.2, 0], std: [0.5, 0.1, 2] } as const;
const SIZE = 24;
const dataDir = mkdtempSync(join(tmpdir(), "guie-pixels-"));
after(() => rmSync(dataDir, { recursive: true }));

/** Images: JPEGs for the engine, a PNG for sharp. */
const FILES = ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg", "6.png"];
before(async () => {
  for (const [i, file] of FILES.entries()) {
    const image = toSharp(draw(40, 30, (x, y, c) => 6 * x + 8 * y * i + 40 * c));
    const encoded = file.endsWith("png") ? image.png() : image.jpeg({ quality: 95 });
    writeFileSync(join(dataDir, file), await encoded.toBuffer());
  }
});

const loader = (numWorkers: number, resizeMode: ResizeMode = "squash") =>
  new PixelLoader({ dataDir, imageSize: SIZE, resizeMode, numWorkers }, NORMALISATION);
const plans = FILES.map((file) => drawAugmentPlan(randomStream(4, file), augmentationRows("original"), SIZE));

test("a batch holds every image in order, augmented by its plan and normalised, with one thread or four", async () => {
  const images = await loadImages(dataDir, FILES, SIZE, 2);
  const augmented = images.map((image, i) => augment(image, plans[i]!.steps));
  for (const numWorkers of [1, 4]) {
    assert.deepEqual(await loader(numWorkers).load(FILES, plans), normalised(augmented, NORMALISATION));
    assert.deepEqual(await loader(numWorkers).load(FILES), normalised(images, NORMALISATION), "as they are");
  }
});

test("the memory of a released batch is reused, also for a smaller one; other batches keep theirs", async () => {
  const source = loader(2);
  const [first, second] = await Promise.all([source.load(FILES), source.load(FILES, plans)]);
  const kept = second.slice();
  source.release(first);
  source.release(first);
  const [third, fourth] = await Promise.all([source.load(FILES.slice(2, 5)), source.load(FILES)]);
  assert.equal(third.buffer, first.buffer);
  assert.notEqual(fourth.buffer, first.buffer);
  assert.deepEqual(second, kept);
  assert.deepEqual(third, (await loader(1).load(FILES)).slice(2 * SIZE * SIZE * 3, 5 * SIZE * SIZE * 3));
});

test("the error for an unreadable file names it; its batch's memory is reused, and the loader goes on", async () => {
  writeFileSync(join(dataDir, "broken.jpg"), "no image");
  const source = loader(2);
  await assert.rejects(source.load([...FILES, "broken.jpg"]), /broken\.jpg: not an image.*\n.*Next: /);
  const good = await source.load(FILES);
  assert.equal(good.buffer.byteLength, (FILES.length + 1) * SIZE * SIZE * 3 * 4);
});

test("the error of a failed job names its image", async () => {
  const result = new Float32Array(new SharedArrayBuffer(4 * 3 * SIZE ** 2));
  const job = {
    path: join(dataDir, "0.jpg"),
    imageSizePx: SIZE,
    resizeMode: "squash" as const,
    normalisation: NORMALISATION,
    result,
  };
  const spoilt = { ...job, parts: [{ ...wholeImage(), steps: null as never }] };
  await assert.rejects(prepareImage(spoilt, SIZE, 1), /^UserError: .*0\.jpg: .*null.*\n.*Next: /);
  assert.equal(await prepareImage({ ...job, parts: [wholeImage()] }, SIZE, 1), undefined);
  assert.deepEqual(result, await loader(1).load(["0.jpg"]));
});

test("images that cannot be used are left out, with the reason; the others follow each other", async () => {
  writeFileSync(join(dataDir, "broken.jpg"), "no image");
  const source = loader(2);
  mkdirSync(join(dataDir, "folder.jpg"));
  const files = ["broken.jpg", "0.jpg", "folder.jpg", "6.png", join(dataDir, "2.jpg")];
  const { values, unusable, contents } = await source.loadUsable(files, "whole");
  assert.deepEqual(values, await source.load(["0.jpg", "6.png", "2.jpg"]));
  assert.deepEqual(unusable, [
    { file: "broken.jpg", reason: "not an image (its first bytes are of no format that is read)" },
    { file: "folder.jpg", reason: "a folder, not a file" },
  ]);
  const sha = (file: string) =>
    createHash("sha256")
      .update(readFileSync(join(dataDir, file)))
      .digest("hex");
  const expected = ["broken.jpg", "0.jpg", "6.png", "2.jpg"].map((file) => sha(file).slice(0, 32));
  assert.deepEqual([contents[0], contents[1], contents[3], contents[4]], expected);
  assert.equal(contents[2], "0".repeat(32));
  assert.equal((await source.loadUsable(["broken.jpg"], "mirror")).values.length, 0);
});

test("views: the image and its mirror image; corners and centre of the image at 8/7 of the size", async () => {
  const mirror = (image: RgbImage) => augment(image, [{ kind: "flip" }]);
  const [whole] = await loadImages(dataDir, ["1.jpg"], SIZE, 1);
  const [large] = await loadImages(dataDir, ["1.jpg"], 27, 1); // 24 x 8 / 7 = 27.4
  const crops = [
    [0, 0],
    [3, 0],
    [0, 3],
    [3, 3],
    [2, 2],
  ].map(([left, top]) => draw(SIZE, SIZE, (x, y, c) => large!.data[3 * (27 * (y + top!) + x + left!) + c]!));
  const expected = {
    whole: [whole!],
    mirror: [whole!, mirror(whole!)],
    crops,
    mirrored_crops: crops.flatMap((crop) => [crop, mirror(crop)]),
  };
  for (const views of VIEWS) {
    const { values } = await loader(1).loadUsable(["1.jpg"], views);
    assert.deepEqual(values, normalised(expected[views], NORMALISATION), views);
  }
});

test("a process that has loaded its batch exits at once, although its threads are alive", async () => {
  const script = `
    const { PixelLoader } = require("guie/dist/images/loading/pixel_loader");
    const loader = new PixelLoader({ dataDir: ${JSON.stringify(dataDir)}, imageSize: ${SIZE}, resizeMode: "squash", numWorkers: 2 }, { mean: [0, 0, 0], std: [1, 1, 1] });
    loader.load(["0.jpg", "1.jpg"]).then((values) => console.log(values.length));`;
  const child = spawn(process.execPath, ["-e", script], {
    cwd: installPath("."),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const [printed] = await once(child.stdout, "data");
  const loadedAtMs = performance.now();
  assert.deepEqual([String(printed), await ended], [`${2 * SIZE * SIZE * 3}\n`, [0, null]]);
  assert.ok(performance.now() - loadedAtMs < 5000, "threads without work end after 10 s only");
});

test("each resize mode: files, bytes in memory and the model's square have the same pixels", async () => {
  for (const resizeMode of RESIZE_MODES) {
    const [loaded] = await loadImages(dataDir, ["1.jpg"], SIZE, 1, { resizeMode });
    const file = join(dataDir, "1.jpg");
    assert.deepEqual(await decodeToSquare(readFileSync(file), SIZE, resizeMode), loaded);
    const { data } = inputSquare(await decodeRgb(file), SIZE, resizeMode);
    assert.deepEqual(loaded!.data, data.slice());
    assert.deepEqual(await loader(1, resizeMode).load(["1.jpg"]), normalised([loaded!], NORMALISATION));
  }
});

test("a random part is squashed in every resize mode", async () => {
  const crop = { tries: [{ area: 0.5, ratio: 2, x: 0, y: 0 }], ratios: [0.5, 2] as const };
  const [squashed, padded] = await Promise.all(
    (["squash", "pad"] as const).map((mode) => loader(1, mode).load(["1.jpg"], [{ crop, steps: [] }])),
  );
  assert.deepEqual(squashed, padded);
});
