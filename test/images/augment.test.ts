import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { type AugmentPlan, augment, drawAugmentPlan, IDENTITY_PLAN } from "guie/dist/images/augment";
import type { RgbImage } from "guie/dist/images/decode";

const DRAWS = 4000;
const plans = Array.from({ length: DRAWS }, (_, i) => drawAugmentPlan(randomStream(1, "test", i)));

/** A 5 x 4 image whose red is 10 x, green 10 y, blue 200. */
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

test("each part happens for half of the images (4,000 draws, within 4 standard errors)", () => {
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

test("sizes stay within the recipe's limits and fill them evenly", () => {
  const check = (name: string, values: number[], low: number, high: number) => {
    assert.ok(Math.min(...values) >= low && Math.max(...values) <= high, name);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const error = (high - low) / Math.sqrt(12 * values.length);
    assert.ok(Math.abs(mean - (low + high) / 2) < 4 * error, `${name}: mean ${mean}`);
  };
  const moved = plans.filter((plan) => plan.scale !== 1);
  const toned = plans.filter((plan) => plan.contrast !== 1);
  const cut = plans.flatMap((plan) => plan.cutout ?? []);
  check(
    "scale",
    moved.map((plan) => plan.scale),
    0.8,
    1.2,
  );
  check(
    "rotation",
    moved.map((plan) => plan.rotationDegrees),
    -10,
    10,
  );
  check(
    "contrast",
    toned.map((plan) => plan.contrast),
    0.9,
    1.1,
  );
  check(
    "brightness",
    toned.map((plan) => plan.brightness),
    -0.1,
    0.1,
  );
  check(
    "cut-out width",
    cut.map((hole) => hole.width),
    0.1,
    0.2,
  );
  assert.ok(cut.every((hole) => hole.left >= 0 && hole.left + hole.width <= 1));
});

test("the same stream draws the same plan", () => {
  assert.deepEqual(drawAugmentPlan(randomStream(7, "a", 3)), drawAugmentPlan(randomStream(7, "a", 3)));
  assert.notDeepEqual(plans[0], plans[1]);
});

test("a flip mirrors columns and leaves the input alone", () => {
  const flipped = augment(picture, { ...IDENTITY_PLAN, flip: true });
  for (let y = 0; y < 4; y++)
    for (let x = 0; x < 5; x++) assert.deepEqual(pixel(flipped, x, y), pixel(picture, 4 - x, y));
  assert.deepEqual(pixel(picture, 1, 2), [10, 20, 200]);
});

test("tone: contrast x value + 255 brightness, clipped", () => {
  const toned = augment(picture, { ...IDENTITY_PLAN, contrast: 1.1, brightness: 0.1 });
  assert.deepEqual(pixel(toned, 1, 2), [37, 48, 246]); // 11 + 25.5 -> 36.5 -> 37; 22 + 25.5 -> 47.5 -> 48; 220 + 25.5
  const bright = augment(picture, { ...IDENTITY_PLAN, contrast: 1.1, brightness: 0.2 });
  assert.equal(pixel(bright, 0, 0)[2], 255);
});

test("scale 2 about the centre: the centre stays, half-way values are between; scale 0.5 brings black in", () => {
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
