// Tests of the training augmentation: the distribution of its draws, and its pixels against albumentations.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { augment } from "guie/dist/images/loading/augment";
import { type AugmentPlan, drawAugmentPlan, IDENTITY_PLAN } from "guie/dist/images/loading/augment_plan";
import type { RgbImage } from "guie/dist/images/pixels/rgb_image";
import { draw } from "./make";

const DRAWS = 4000;
const SIZE_PX = 224;
const plans = Array.from({ length: DRAWS }, (_, i) => drawAugmentPlan(randomStream(1, "test", i), SIZE_PX));

/** A 5 x 4 image with red 10 x, green 10 y, blue 200. */
const picture: RgbImage = {
  width: 5,
  height: 4,
  data: Uint8Array.from(
    { length: 60 },
    (_, i) => [10 * (Math.floor(i / 3) % 5), 10 * Math.floor(i / 15), 200][i % 3]!,
  ),
};
const pixel = (image: RgbImage, x: number, y: number) => [
  ...image.data.slice(3 * (5 * y + x), 3 * (5 * y + x) + 3),
];

test("each part is applied to half of the images (4,000 draws, within 4 standard errors)", () => {
  const parts: [string, (plan: AugmentPlan) => boolean][] = [
    ["flip", (plan) => plan.flip],
    ["tone", (plan) => plan.contrast !== 1],
    ["scale and rotation", (plan) => plan.scale !== 1],
    ["cut-out", (plan) => plan.cutout !== null],
  ];
  const bound = 4 * Math.sqrt(0.25 / DRAWS);
  for (const [name, happens] of parts) {
    const share = plans.filter(happens).length / DRAWS;
    assert.ok(Math.abs(share - 0.5) < bound, `${name}: ${share}`);
  }
});

test("every size is uniform over the recipe's range (Kolmogorov-Smirnov, p > .001)", () => {
  const moved = plans.filter((plan) => plan.scale !== 1);
  const toned = plans.filter((plan) => plan.contrast !== 1);
  const samples: [string, number[], number, number][] = [
    ["scale", moved.map((plan) => plan.scale), 0.8, 1.2],
    ["rotation", moved.map((plan) => plan.rotationDegrees), -10, 10],
    ["contrast", toned.map((plan) => plan.contrast), 0.9, 1.1],
    ["brightness", toned.map((plan) => plan.brightness), -0.1, 0.1],
  ];
  for (const [name, values, low, high] of samples) {
    const distance = distanceToUniform(values.map((value) => (value - low) / (high - low)));
    assert.ok(distance < 1.95 / Math.sqrt(values.length), `${name}: ${distance}`);
  }
});

test("sides (22 to 44 px of 224) and positions of cut-outs are whole pixels, equally likely", () => {
  const cut = plans.flatMap((plan) => plan.cutout ?? []);
  const sizesPx = 44 - 22 + 1;
  for (const side of ["width", "height"] as const) {
    const counts = new Array<number>(sizesPx).fill(0);
    for (const hole of cut) counts[Math.round(SIZE_PX * hole[side]) - 22]!++;
    assert.equal(counts.length, sizesPx, `${side}: none outside of 22 .. 44`);
    const expected = cut.length / sizesPx;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    assert.ok(chiSquare < 48.3, `${side}: ${chiSquare}`); // 22 degrees of freedom, p > .001
  }
  for (const [start, side] of [
    ["left", "width"],
    ["top", "height"],
  ] as const) {
    // maps each of n positions to the middle of its n-th part of 0..1
    const shares = cut.map((hole) => {
      const [placePx, sidePx] = [SIZE_PX * hole[start], SIZE_PX * hole[side]];
      assert.ok(
        [placePx, sidePx].every((px) => Math.abs(px - Math.round(px)) < 1e-9),
        "whole pixels",
      );
      return (placePx + 0.5) / (SIZE_PX - sidePx + 1);
    });
    const distance = distanceToUniform(shares);
    assert.ok(distance < 1.95 / Math.sqrt(shares.length), `${start}: ${distance}`);
  }
});

/** Returns the largest distance of the values' distribution from the uniform one on [0, 1]; 1 for a value outside. */
function distanceToUniform(values: number[]): number {
  const n = values.length;
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted[0]! < 0 || sorted[n - 1]! > 1) return 1;
  return Math.max(...sorted.map((value, i) => Math.max((i + 1) / n - value, value - i / n)));
}

test("the parts are independent: all 16 combinations are equally frequent (chi-square, p > .001)", () => {
  const counts = new Array<number>(16).fill(0);
  for (const { flip, contrast, scale, cutout } of plans)
    counts[+flip + 2 * +(contrast !== 1) + 4 * +(scale !== 1) + 8 * +(cutout !== null)]!++;
  const expected = DRAWS / 16;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  assert.ok(chiSquare < 37.7, `${chiSquare}`); // 15 degrees of freedom
});

test("the same stream draws the same plan", () => {
  const again = () => drawAugmentPlan(randomStream(7, "a", 3), SIZE_PX);
  assert.deepEqual(again(), again());
  assert.notDeepEqual(plans[0], plans[1]);
});

test("a flip mirrors columns and does not change the input", () => {
  const flipped = augment(picture, { ...IDENTITY_PLAN, flip: true });
  for (let y = 0; y < 4; y++)
    for (let x = 0; x < 5; x++) assert.deepEqual(pixel(flipped, x, y), pixel(picture, 4 - x, y));
  assert.deepEqual(pixel(picture, 1, 2), [10, 20, 200]);
});

test("tone: contrast x value + 255 brightness, clipped", () => {
  const toned = augment(picture, { ...IDENTITY_PLAN, contrast: 1.1, brightness: 0.1 });
  assert.deepEqual(pixel(toned, 1, 2), [36, 47, 245]); // 11 + 25.5, 22 + 25.5, 220 + 25.5, cut off
  const bright = augment(picture, { ...IDENTITY_PLAN, contrast: 1.1, brightness: 0.2 });
  assert.equal(pixel(bright, 0, 0)[2], 255);
});

test("scale 2 keeps the centre and interpolates between pixels; scale 0.5 adds a black border", () => {
  const larger = augment(picture, { ...IDENTITY_PLAN, scale: 2 });
  assert.deepEqual(pixel(larger, 2, 0).slice(0, 2), [20, 8]); // y: (0 - 1.5) / 2 + 1.5 = .75 -> 7.5 -> 8
  assert.equal(pixel(larger, 3, 0)[0], 25);
  const smaller = augment(picture, { ...IDENTITY_PLAN, scale: 0.5 });
  assert.deepEqual(pixel(smaller, 0, 0), [0, 0, 0]);
});

test("a cut-out is black inside, untouched outside", () => {
  const cut = augment(picture, {
    ...IDENTITY_PLAN,
    cutout: { left: 0.2, top: 0.25, width: 0.2, height: 0.25 },
  });
  assert.deepEqual(pixel(cut, 1, 1), [0, 0, 0]);
  assert.deepEqual(pixel(cut, 2, 1), pixel(picture, 2, 1));
  assert.deepEqual(pixel(cut, 1, 2), pixel(picture, 1, 2));
});

test("the border of a smaller image is black, whatever its brightness", () => {
  const changed = augment(picture, { ...IDENTITY_PLAN, scale: 0.5, brightness: 0.1 });
  assert.deepEqual(pixel(changed, 0, 0), [0, 0, 0]);
});

test("200 drawn plans: pixels are mixed from their four neighbours, black outside (within 2 of 255)", () => {
  const noise = draw(37, 29, (x, y, c) => (x * x * 3 + y * y * 5 + x * y * 7 + c * 89) % 251);
  const { width, height } = noise;
  const at = (x: number, y: number, c: number) =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : noise.data[3 * (y * width + x) + c]!;
  const mixed = (x: number, y: number, c: number) => {
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const row = (y: number) => (left + 1 - x) * at(left, y, c) + (x - left) * at(left + 1, y, c);
    return (top + 1 - y) * row(top) + (y - top) * row(top + 1);
  };
  for (const drawn of plans.filter(({ scale }) => scale !== 1).slice(0, 200)) {
    const plan = { ...drawn, contrast: 1, brightness: 0, cutout: null };
    const { data } = augment(noise, plan);
    const angle = (plan.rotationDegrees * Math.PI) / 180;
    for (let i = 0; i < data.length; i++) {
      const [x, y] = [(Math.floor(i / 3) % width) - 18, Math.floor(i / 3 / width) - 14];
      const fromX = (Math.cos(angle) * x - Math.sin(angle) * y) / plan.scale;
      const fromY = (Math.sin(angle) * x + Math.cos(angle) * y) / plan.scale;
      const expected = mixed((plan.flip ? -fromX : fromX) + 18, fromY + 14, i % 3);
      assert.ok(
        Math.abs(data[i]! - expected) <= 2,
        `${JSON.stringify(plan)} ${x} ${y}: ${data[i]} ${expected}`,
      );
    }
  }
});

/** Made by test/golden/make_augment.py with albumentations and OpenCV. */
interface GoldenCase {
  picture: "smooth" | "noise";
  plan: Partial<AugmentPlan>;
  pixels: number[];
}
const goldenCases: GoldenCase[] = JSON.parse(readFileSync(installPath("test/golden/augment.json"), "utf8"));

/** The images `smooth` and `noise` of make_augment.py. */
const PICTURES = {
  smooth: draw(40, 30, (x, y, c) => [6 * x, 8 * y, Math.floor((x * y) / 5)][c]!),
  noise: draw(40, 30, (x, y, c) => (x * x * 3 + y * y * 5 + x * y * 7 + c * 89) % 251),
};
/**
 * OpenCV's warpAffine rounds positions to 1/32 px, so they are off by up to 1/64 px in both directions. Where
 * neighbours differ most (noise, black border) a pixel may differ by 2 x 255 / 64, plus 1 for rounding. In the smooth
 * image neighbours differ by at most 8, so its mean difference may be 2 x 8 / 64.
 */
const MOST_DIFFERENCE = (2 * 255) / 64 + 1;
const MEAN_DIFFERENCE = { smooth: (2 * 8) / 64, noise: MOST_DIFFERENCE / 4 };

for (const [number, { picture: name, plan, pixels }] of goldenCases.entries()) {
  test(`albumentations gives the same pixels: case ${number}, ${name}, ${Object.keys(plan).join(" ")}`, () => {
    const { data } = augment(PICTURES[name], { ...IDENTITY_PLAN, ...plan });
    assert.equal(data.length, pixels.length);
    const differences = pixels.map((value, i) => Math.abs(value - data[i]!));
    const mean = differences.reduce((sum, value) => sum + value, 0) / pixels.length;
    const isMoved = plan.scale !== undefined;
    assert.ok(Math.max(...differences) <= (isMoved ? MOST_DIFFERENCE : 0), `${Math.max(...differences)}`);
    assert.ok(mean <= (isMoved ? MEAN_DIFFERENCE[name] : 0), `mean ${mean}`);
  });
}
