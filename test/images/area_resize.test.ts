// Compares the area resize with vector instructions against the plain loops and values computed by hand.
import assert from "node:assert/strict";
import { test } from "node:test";
import { resizeAreaPlain } from "guie/dist/images/pixels/area_plain";
import { resizeArea } from "guie/dist/images/pixels/area_resize";
import { draw } from "./make";

const noise = (width: number, height: number) =>
  draw(width, height, (x, y, c) => (x * 7919 + y * 104729 + c * 31 + x * y * 13) % 251);

/** Source and target sizes: ratios near 1, whole ratios, halves, primes, one axis, more rows than 16 bits can sum. */
const SIZES = [
  [348, 348, 224, 224],
  [225, 226, 224, 224],
  [448, 448, 224, 224],
  [1391, 777, 224, 224],
  [97, 1009, 64, 64],
  [1009, 97, 64, 64],
  [66, 65, 64, 64],
  [9, 2563, 4, 10],
  [9, 2603, 4, 10],
] as const;

for (const [W, H, width, height] of SIZES) {
  test(`${W} x ${H} to ${width} x ${height}: the pixels of the plain loops`, () => {
    const image = noise(W, H);
    const expected = resizeAreaPlain(image, width, height).data;
    const { data, ...size } = resizeArea(image, width, height);
    assert.deepEqual(size, { width, height });
    const differences = data.map((value, j) => Math.abs(value - expected[j]!));
    assert.ok(differences.every((difference) => difference <= 1)); // a sum near a half
    assert.ok(differences.filter((difference) => difference > 0).length <= data.length / 10_000);
  });
}

test("whole ratios: OpenCV sums whole numbers and multiplies once; ties to even", () => {
  const image = noise(672, 448);
  const { data } = resizeArea(image, 224, 224);
  const sixth = Math.fround(1 / 6);
  for (let i = 0; i < data.length; i++) {
    const [x, y, c] = [Math.floor(i / 3) % 224, Math.floor(i / 672), i % 3];
    let sum = 0;
    for (const row of [2 * y, 2 * y + 1])
      for (const column of [3 * x, 3 * x + 1, 3 * x + 2]) sum += image.data[3 * (672 * row + column) + c]!;
    const mean = Math.fround(sum * sixth);
    const isTie = mean - Math.floor(mean) === 0.5;
    assert.equal(data[i], isTie ? 2 * Math.round(mean / 2) : Math.round(mean), `pixel ${i}, sum ${sum}`);
  }
});

test("white stays white and black stays black, in any order of sizes", () => {
  for (const value of [255, 0]) {
    for (const [W, H] of [
      [1500, 300],
      [300, 1500],
      [230, 240],
    ] as const) {
      const { data } = resizeArea(
        draw(W, H, () => value),
        224,
        224,
      );
      assert.ok(data.every((byte) => byte === value));
    }
  }
});

test("means computed by hand: 2 x 2 blocks round ties up, thirds to even", () => {
  const image = draw(4, 2, (x, y) => [10, 11, 13, 13, 11, 10, 14, 14][y * 4 + x]!);
  assert.deepEqual([...resizeArea(image, 2, 1).data], [11, 11, 11, 14, 14, 14]); // 10.5 and 13.5
  const wide = draw(3, 2, (x) => 30 * x);
  // each target pixel covers one and a half of three pixels: (0 + 30 / 2) / 1.5 and (30 / 2 + 60) / 1.5
  assert.deepEqual([...resizeArea(wide, 2, 1).data], [10, 10, 10, 50, 50, 50]);
});
