// Tests of the training augmentation: the distribution of its draws, and its pixels against albumentations.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { augmentationRows } from "guie/dist/config/augmentation";
import { augment } from "guie/dist/images/loading/augment";
import { type AugmentStep, drawAugmentPlan, type WarpStep } from "guie/dist/images/loading/augment_plan";
import type { RgbImage } from "guie/dist/images/pixels/rgb_image";
import { draw } from "./make";

const DRAWS = 4000;
const SIZE_PX = 224;
const original = augmentationRows("original");
const plans = Array.from(
  { length: DRAWS },
  (_, i) => drawAugmentPlan(randomStream(1, "test", i), original, SIZE_PX).steps,
);
type Kind = AugmentStep["kind"];
type Step<K extends Kind> = Extract<AugmentStep, { kind: K }>;
const stepOf = <K extends Kind>(steps: readonly AugmentStep[], kind: K) =>
  steps.find((step): step is Step<K> => step.kind === kind);
const drawn = <K extends Kind>(kind: K) => plans.flatMap((steps) => stepOf(steps, kind) ?? []);
/** A warp that changes nothing but what is given. */
const warpBy = (change: Partial<WarpStep>): WarpStep => ({
  kind: "warp",
  ...{ scale: 1, rotationDegrees: 0, shiftX: 0, shiftY: 0 },
  ...change,
});

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
  const bound = 4 * Math.sqrt(0.25 / DRAWS);
  for (const name of ["flip", "tone", "warp", "cutout"] as const) {
    const share = drawn(name).length / DRAWS;
    assert.ok(Math.abs(share - 0.5) < bound, `${name}: ${share}`);
  }
});

test("every size is uniform over the recipe's range (Kolmogorov-Smirnov, p > 0.001)", () => {
  const [moved, toned] = [drawn("warp"), drawn("tone")];
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
  const cut = drawn("cutout");
  const sizesPx = 44 - 22 + 1;
  for (const side of ["width", "height"] as const) {
    const counts = new Array<number>(sizesPx).fill(0);
    for (const hole of cut) counts[Math.round(SIZE_PX * hole[side]) - 22]!++;
    assert.equal(counts.length, sizesPx, `${side}: none outside of 22 .. 44`);
    const expected = cut.length / sizesPx;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    assert.ok(chiSquare < 48.3, `${side}: ${chiSquare}`); // 22 degrees of freedom, p > 0.001
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

test("the parts are independent: all 16 combinations are equally frequent (chi-square, p > 0.001)", () => {
  const counts = new Array<number>(16).fill(0);
  const kinds = ["flip", "tone", "warp", "cutout"] as const;
  for (const steps of plans)
    counts[kinds.reduce((sum, kind, i) => sum + (stepOf(steps, kind) ? 2 ** i : 0), 0)]!++;
  const expected = DRAWS / 16;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  assert.ok(chiSquare < 37.7, `${chiSquare}`); // 15 degrees of freedom
});

test("the same stream draws the same plan", () => {
  const again = () => drawAugmentPlan(randomStream(7, "a", 3), original, SIZE_PX);
  assert.deepEqual(again(), again());
  assert.notDeepEqual(plans[0], plans[1]);
});

test("a flip mirrors columns and does not change the input", () => {
  const flipped = augment(picture, [{ kind: "flip" }]);
  for (let y = 0; y < 4; y++)
    for (let x = 0; x < 5; x++) assert.deepEqual(pixel(flipped, x, y), pixel(picture, 4 - x, y));
  assert.deepEqual(pixel(picture, 1, 2), [10, 20, 200]);
});

test("tone: contrast x value + 255 brightness, clipped", () => {
  const toned = augment(picture, [{ kind: "tone", contrast: 1.1, brightness: 0.1 }]);
  assert.deepEqual(pixel(toned, 1, 2), [36, 47, 245]); // 11 + 25.5, 22 + 25.5, 220 + 25.5, cut off
  const bright = augment(picture, [{ kind: "tone", contrast: 1.1, brightness: 0.2 }]);
  assert.equal(pixel(bright, 0, 0)[2], 255);
});

test("scale 2 keeps the centre and interpolates between pixels; scale 0.5 adds a black border", () => {
  const larger = augment(picture, [warpBy({ scale: 2 })]);
  assert.deepEqual(pixel(larger, 2, 0).slice(0, 2), [20, 8]); // y: (0 - 1.5) / 2 + 1.5 = 0.75 -> 7.5 -> 8
  assert.equal(pixel(larger, 3, 0)[0], 25);
  const smaller = augment(picture, [warpBy({ scale: 0.5 })]);
  assert.deepEqual(pixel(smaller, 0, 0), [0, 0, 0]);
});

test("a cut-out is black inside, untouched outside", () => {
  const cut = augment(picture, [{ kind: "cutout", left: 0.2, top: 0.25, width: 0.2, height: 0.25 }]);
  assert.deepEqual(pixel(cut, 1, 1), [0, 0, 0]);
  assert.deepEqual(pixel(cut, 2, 1), pixel(picture, 2, 1));
  assert.deepEqual(pixel(cut, 1, 2), pixel(picture, 1, 2));
});

test("the border of a smaller image is black, whatever its brightness", () => {
  const changed = augment(picture, [{ kind: "tone", contrast: 1, brightness: 0.1 }, warpBy({ scale: 0.5 })]);
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
  for (const plan of plans.filter((steps) => stepOf(steps, "warp")).slice(0, 200)) {
    const steps = plan.filter(({ kind }) => kind === "flip" || kind === "warp");
    const { data } = augment(noise, steps);
    const [flip, { rotationDegrees, scale }] = [stepOf(steps, "flip"), stepOf(steps, "warp")!];
    const angle = (rotationDegrees * Math.PI) / 180;
    for (let i = 0; i < data.length; i++) {
      const [x, y] = [(Math.floor(i / 3) % width) - 18, Math.floor(i / 3 / width) - 14];
      const fromX = (Math.cos(angle) * x - Math.sin(angle) * y) / scale;
      const fromY = (Math.sin(angle) * x + Math.cos(angle) * y) / scale;
      const expected = mixed((flip ? -fromX : fromX) + 18, fromY + 14, i % 3);
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
  steps: AugmentStep[];
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
/**
 * OpenCV blurs bytes in two passes that round each; its vector code for hue truncates where its plain code rounds, and
 * its sums for saturation are float32, which decides ties. Every other step is exact.
 */
const ROUNDED: readonly AugmentStep["kind"][] = ["blur", "colour"];

for (const [number, { picture: name, steps, pixels }] of goldenCases.entries()) {
  const kinds = steps.map(({ kind }) => kind);
  test(`albumentations gives the same pixels: case ${number}, ${name}, ${kinds.join(" ")}`, () => {
    const { data } = augment(PICTURES[name], steps);
    assert.equal(data.length, pixels.length);
    const differences = pixels.map((value, i) => Math.abs(value - data[i]!));
    const mean = differences.reduce((sum, value) => sum + value, 0) / pixels.length;
    const isMoved = kinds.includes("warp");
    const rounded = kinds.filter((kind) => ROUNDED.includes(kind)).length;
    const most = isMoved ? MOST_DIFFERENCE : rounded;
    assert.ok(Math.max(...differences) <= most, `${Math.max(...differences)}`);
    assert.ok(mean <= (isMoved ? MEAN_DIFFERENCE[name] : most), `mean ${mean}`);
  });
}

test("steps act in their order: a hole before a mirror image is mirrored, a tone before a shift leaves the border black", () => {
  const hole = { kind: "cutout", left: 0, top: 0, width: 0.2, height: 0.25 } as const;
  const mirrored = augment(picture, [hole, { kind: "flip" }]);
  assert.deepEqual(pixel(mirrored, 4, 0), [0, 0, 0]);
  assert.deepEqual(pixel(mirrored, 0, 0), pixel(picture, 4, 0));
  const shifted = augment(picture, [
    { kind: "tone", contrast: 1, brightness: 0.1 },
    warpBy({ shiftX: 0.2, shiftY: 0.25 }),
  ]);
  assert.deepEqual(pixel(shifted, 0, 2), [0, 0, 0]);
  assert.deepEqual(pixel(shifted, 1, 1), [25, 25, 225]); // (0, 0) one to the right and one down, 25.5 brighter
  const greyHole = augment(picture, [{ kind: "grey" }, hole, warpBy({ shiftX: 0.2 })]);
  assert.deepEqual(pixel(greyHole, 1, 0), [0, 0, 0]);
});

test("a colour step changes the saturation, then the hue", () => {
  const both = augment(PICTURES.noise, [{ kind: "colour", saturation: 1.37, hue: 0.2 }]);
  const inTurn = augment(PICTURES.noise, [
    { kind: "colour", saturation: 1.37, hue: 0 },
    { kind: "colour", saturation: 1, hue: 0.2 },
  ]);
  assert.deepEqual(both, inTurn);
});

test("a hue of half a turn turns red to cyan; saturation 0 is grey", () => {
  const red: RgbImage = { width: 1, height: 1, data: Uint8Array.of(200, 0, 0) };
  const half = augment(red, [{ kind: "colour", saturation: 1, hue: 0.5 }]);
  assert.deepEqual([...half.data], [0, 200, 200]);
  const none = augment(red, [{ kind: "colour", saturation: 0, hue: 0 }]);
  assert.deepEqual([...none.data], [60, 60, 60]); // 0.299 x 200
});
