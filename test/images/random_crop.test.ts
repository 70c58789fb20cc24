// Tests of the random crop: the law of its draws, the part that it takes, and that it is cut before the picture is resized.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { augmentationRows } from "guie/dist/config/augmentation";
import { inputSquare } from "guie/dist/images/input_square";
import { drawAugmentPlan } from "guie/dist/images/loading/augment_plan";
import { loadImages } from "guie/dist/images/loading/loader";
import { cropOf, cropPlace, drawCrop } from "guie/dist/images/loading/random_crop";
import { draw, toSharp } from "./make";

const ROW = { name: "RandomResizedCrop", probability: 1, scale: [0.2, 0.6], ratio: [3 / 4, 4 / 3] } as const;
const DRAWS = 2000;
const crops = Array.from({ length: DRAWS }, (_, i) => drawCrop(randomStream(5, "crops", i), ROW));

test("parts lie in the picture, with areas and ratios of the ranges but for whole pixels", () => {
  const [width, height] = [300, 200];
  for (const crop of crops) {
    const { left, top, width: w, height: h } = cropPlace({ width, height }, crop);
    assert.ok(left >= 0 && top >= 0 && left + w <= width && top + h <= height);
    const pixels = width * height;
    assert.ok((w + 0.5) * (h + 0.5) >= 0.2 * pixels && (w - 0.5) * (h - 0.5) <= 0.6 * pixels, `${w} x ${h}`);
    assert.ok((w + 0.5) / (h - 0.5) >= 3 / 4 && (w - 0.5) / (h + 0.5) <= 4 / 3, `${w} x ${h}`);
  }
});

test("area, logarithm of the ratio and place are uniform (Kolmogorov-Smirnov, p > 0.001)", () => {
  const first = crops.map(({ tries }) => tries[0]!);
  const span = 2 * Math.log(4 / 3);
  const samples = {
    area: first.map(({ area }) => (area - 0.2) / 0.4),
    ratio: first.map(({ ratio }) => (Math.log(ratio) + Math.log(4 / 3)) / span),
    x: first.map(({ x }) => x),
    y: first.map(({ y }) => y),
  };
  for (const [name, values] of Object.entries(samples)) {
    const sorted = values.toSorted((a, b) => a - b);
    const distance = Math.max(
      ...sorted.map((value, i) => Math.max((i + 1) / DRAWS - value, value - i / DRAWS)),
    );
    assert.ok(distance < 1.95 / Math.sqrt(DRAWS), `${name}: ${distance}`);
  }
});

test("a part by hand: a quarter of 40 x 30 with ratio 4/3 is 20 x 15; x and y choose among all places", () => {
  const at = (x: number, y: number) =>
    cropPlace(
      { width: 40, height: 30 },
      { tries: [{ area: 0.25, ratio: 4 / 3, x, y }], ratios: [3 / 4, 4 / 3] },
    );
  assert.deepEqual(at(0, 0), { left: 0, top: 0, width: 20, height: 15 });
  assert.deepEqual(at(0.5, 0.999), { left: 10, top: 15, width: 20, height: 15 }); // of 21 and 16 places
});

test("if no try fits, the part is the largest centred one within the ratios", () => {
  const tries = [{ area: 1, ratio: 1, x: 0, y: 0 }];
  const place = (width: number, height: number) =>
    cropPlace({ width, height }, { tries, ratios: [3 / 4, 4 / 3] });
  assert.deepEqual(place(300, 100), { left: 83, top: 0, width: 133, height: 100 });
  assert.deepEqual(place(60, 100), { left: 0, top: 10, width: 60, height: 80 });
  assert.deepEqual(place(100, 90), { left: 0, top: 0, width: 100, height: 90 });
});

test("the part is cut from the decoded picture: a small part of a large one is sharp", async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), "guie-crop-"));
  t.after(() => rmSync(dataDir, { recursive: true }));
  const picture = draw(640, 480, (x, y, c) => ((x + y + c) % 2) * 200); // a chessboard of single pixels
  writeFileSync(join(dataDir, "a.png"), await toSharp(picture).png().toBuffer());
  const tries = [{ area: (28 * 28) / (640 * 480), ratio: 1, x: 0.5, y: 0.25 }];
  const crop = { tries, ratios: [1, 1] as const };
  const [image] = await loadImages(dataDir, ["a.png"], 28, 1, {
    plans: [{ crop, steps: [{ kind: "flip" }] }],
  });
  const part = cropOf(picture, crop);
  assert.deepEqual([part.width, part.height], [28, 28]);
  const { data } = inputSquare(part, 28, "squash");
  const mirrored = Uint8Array.from(data, (_, i) => {
    const [x, line] = [Math.floor(i / 3) % 28, Math.floor(i / 84)];
    return data[84 * line + 3 * (27 - x) + (i % 3)]!;
  });
  assert.deepEqual(image!.data, mirrored);
  assert.deepEqual(new Set(image!.data), new Set([0, 200]));
});

test("a recipe with a crop draws it once for each image, and its steps after it", () => {
  const rows = augmentationRows("crop");
  const drawnPlans = Array.from({ length: 200 }, (_, i) =>
    drawAugmentPlan(randomStream(1, "r", i), rows, 28),
  );
  assert.ok(drawnPlans.every(({ crop }) => crop?.tries.length === 10));
  const flipped = drawnPlans.filter(({ steps }) => steps.length === 1).length;
  assert.ok(Math.abs(flipped - 100) < 4 * Math.sqrt(200 / 4), `${flipped}`);
});
