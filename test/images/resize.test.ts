// Tests of the resize rule, and of its pixels against OpenCV.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import type { ResizeMode } from "guie/dist/config/model";
import { inputSquare, resizeByRule } from "guie/dist/images/input_square";
import type { RgbImage } from "guie/dist/images/pixels/rgb_image";
import { type ResizePlan, resizePlan, resizeRgb } from "guie/dist/images/resize";
import { draw } from "./make";

/** Made by test/golden/make_resize.py with OpenCV. */
interface GoldenCase {
  method: "area" | "linear";
  width: number;
  height: number;
  target: { width: number; height: number };
  /** Pixels of small results; others have a hash. */
  pixels?: number[];
  sha256?: string;
}

const goldenCases: GoldenCase[] = JSON.parse(readFileSync(installPath("test/golden/resize.json"), "utf8"));

test("the resize rule for images with both sides, one side and no side over 224", () => {
  const squash = (method: "area" | "linear") => ({ method, width: 224, height: 224 });
  const table: [number, number, ResizePlan][] = [
    [1000, 500, squash("area")],
    [225, 225, squash("area")],
    [225, 224, squash("linear")],
    [100, 2000, squash("linear")],
    [224, 224, { method: "keep", width: 224, height: 224 }],
    [100, 50, { method: "keep", width: 100, height: 50 }],
  ];
  for (const [width, height, plan] of table) assert.deepEqual(resizePlan(width, height), plan);
  assert.deepEqual(resizePlan(113, 113, 112), { method: "area", width: 112, height: 112 });
});

test("an image that keeps its size is returned itself", () => {
  const image = draw(5, 4, (x) => x);
  assert.equal(resizeRgb(image, resizePlan(5, 4)), image);
});

test("area, by hand: three pixels to two", () => {
  const image = draw(3, 1, (x) => [0, 90, 180][x]!);
  const { data } = resizeRgb(image, { method: "area", width: 2, height: 1 });
  assert.deepEqual([data[0], data[3]], [30, 150]); // (0 + 90/2) / 1.5, (90/2 + 180) / 1.5
});

test("bilinear, by hand: two pixels to four, edges repeated", () => {
  const image = draw(2, 1, (x) => 100 * x);
  const { data } = resizeRgb(image, { method: "linear", width: 4, height: 1 });
  assert.deepEqual([data[0], data[3], data[6], data[9]], [0, 25, 75, 100]);
});

/** Image with large differences between neighbours, as in make_resize.py. */
const noise = (width: number, height: number) =>
  draw(width, height, (x, y, c) => (x * x * 3 + y * y * 5 + x * y * 7 + c * 89) % 251);

for (const { method, width, height, target, pixels, sha256 } of goldenCases) {
  test(`${method} ${width}x${height} -> ${target.width}x${target.height} equals OpenCV's`, () => {
    const { data } = resizeRgb(noise(width, height), { method, ...target });
    if (sha256) assert.equal(createHash("sha256").update(data).digest("hex"), sha256);
    else if (method === "linear") assert.deepEqual([...data], pixels);
    else {
      const differing = data.filter((value, i) => value !== pixels![i]);
      assert.ok(differing.length <= 1, `${differing.length} differ`); // a tie may round differently
    }
  });
}

test("resizing by the rule and to a square gives the right pixels, also for other sizes afterwards", () => {
  const plain = (image: RgbImage, side: number) => {
    const bounded = resizeRgb(image, resizePlan(image.width, image.height));
    return resizeRgb(bounded, { method: "linear", width: side, height: side }).data;
  };
  for (const [width, height, side] of [
    [300, 200, 112],
    [40, 1000, 336],
    [300, 200, 112],
    [1, 1, 3],
    [223, 225, 224],
  ] as const) {
    const image = noise(width, height);
    assert.deepEqual(
      inputSquare(image, side, "squash").data.slice(),
      plain(image, side),
      `${width} x ${height}`,
    );
  }
  const small = noise(20, 10);
  assert.equal(resizeByRule(small, "squash"), small);
});

test("crop takes the square in the middle, pad puts the image in the middle of a black one", () => {
  const image = draw(5, 2, (x, y, c) => 100 + 10 * x + y + c);
  const red = (side: number, mode: "crop" | "pad") =>
    Array.from(inputSquare(image, side, mode).data.filter((_, i) => i % 3 === 0));
  assert.deepEqual(red(2, "crop"), [110, 120, 111, 121]); // columns 1 and 2 of 5
  const black = [0, 0, 0, 0, 0];
  const rows = [100, 110, 120, 130, 140].flatMap((value) => [value]);
  assert.deepEqual(red(5, "pad"), [...black, ...rows, ...rows.map((value) => value + 1), ...black, ...black]);
});

test("a square image is the same in every mode; others differ", () => {
  const [square, wide] = [noise(300, 300), noise(300, 150)];
  const pixels = (image: RgbImage, mode: ResizeMode) => inputSquare(image, 56, mode).data.slice();
  for (const mode of ["crop", "pad"] as const) {
    assert.deepEqual(pixels(square, mode), pixels(square, "squash"));
    assert.notDeepEqual(pixels(wide, mode), pixels(wide, "squash"));
  }
  assert.notDeepEqual(pixels(wide, "crop"), pixels(wide, "pad"));
});
