import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { projectPath } from "guie/dist/common/project";
import type { RgbImage } from "guie/dist/images/decode";
import { type ResizePlan, resizeBilinear, resizePlan, resizeRgb } from "guie/dist/images/resize";
import { draw } from "./make";

/** Made by test/golden/make_resize.py with OpenCV. */
interface GoldenCase {
  method: "area" | "linear";
  width: number;
  height: number;
  target: { width: number; height: number };
  pixels: number[];
}

const goldenCases: GoldenCase[] = JSON.parse(readFileSync(projectPath("test/golden/resize.json"), "utf8"));

function meanDifference(a: RgbImage, b: { data: ArrayLike<number> }): number {
  assert.equal(a.data.length, b.data.length);
  return a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;
}

test("the resize rule: both sides over 224, the longer one only, none", () => {
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

test("an image that is kept is not touched", () => {
  const image = draw(5, 4, (x) => x);
  assert.equal(resizeRgb(image, resizePlan(5, 4)), image);
});

test("area, by hand: three pixels to two", () => {
  const image = draw(3, 1, (x) => [0, 90, 180][x]!);
  const { data } = resizeRgb(image, { method: "area", width: 2, height: 1 });
  assert.deepEqual([data[0], data[3]], [30, 150]); // (0 + 90/2) / 1.5, (90/2 + 180) / 1.5
});

test("bilinear, by hand: two pixels to four, edges repeated", () => {
  const { data } = resizeBilinear(
    draw(2, 1, (x) => 100 * x),
    4,
    1,
  );
  assert.deepEqual([data[0], data[3], data[6], data[9]], [0, 25, 75, 100]);
});

for (const { method, width, height, target, pixels } of goldenCases) {
  test(`${method} ${width}x${height} -> ${target.width}x${target.height} is OpenCV's`, () => {
    const noise = draw(width, height, (x, y, c) => (x * x * 3 + y * y * 5 + x * y * 7 + c * 89) % 251);
    const result = resizeRgb(noise, { method, ...target });
    const difference = meanDifference(result, { data: pixels });
    const limit = method === "area" ? 0.01 : 0.3; // a tie may fall otherwise; OpenCV's linear has 11-bit weights
    assert.ok(difference <= limit, `mean difference ${difference}`);
  });
}
