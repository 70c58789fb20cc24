// Compares the resize within an exported model with the resize of files.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RESIZE_MODES, type ResizeMode } from "guie/dist/config/model";
import { trace } from "guie/dist/engine/program/traced_function";
import { inputSquare } from "guie/dist/images/input_square";
import { resizeToInput } from "guie/dist/images/resize_graph";
import { draw } from "./make";

const noise = (width: number, height: number) =>
  draw(width, height, (x, y, c) => (x * x * 3 + y * y * 5 + x * y * 7 + c * 89) % 256);

/** Returns the share of values that differ, and checks that they differ by at most 1 of 255. */
async function differing(
  sizePx: number,
  width: number,
  height: number,
  batch: number,
  mode: ResizeMode = "squash",
): Promise<number> {
  const f = trace(({ images }) => resizeToInput(images, sizePx, mode), {
    images: { shape: [batch, null, null, 3], dtype: "uint8" },
  });
  const image = noise(width, height);
  const images = new Uint8Array(batch * image.data.length);
  for (let i = 0; i < batch; i++) images.set(image.data, i * image.data.length);
  const { data, shape } = await f.run({
    images: { data: images, shape: [batch, height, width, 3], dtype: "uint8" },
  });
  f.dispose();
  assert.deepEqual(shape, [batch, sizePx, sizePx, 3]);
  const expected = inputSquare(image, sizePx, mode).data;
  const differences = Array.from(data as Float32Array, (value, i) =>
    Math.abs(value - expected[i % expected.length]!),
  );
  assert.ok(differences.every((difference) => difference <= 1));
  return differences.filter((difference) => difference > 0).length / differences.length;
}

test("INTER_LINEAR is equal to the bit: one side over 224 px or none, enlarged, shrunk, one pixel wide", async () => {
  for (const [sizePx, width, height, batch] of [
    [112, 300, 200, 1],
    [98, 17, 300, 2],
    [56, 224, 224, 1],
    [224, 100, 50, 3],
    [64, 1, 5, 1],
  ] as const)
    assert.equal(await differing(sizePx, width, height, batch), 0, `${width} x ${height} to ${sizePx}`);
});

test("INTER_AREA is equal to the bit when halving; else one value in a thousand is 1 off, at sums near a half", async () => {
  assert.equal(await differing(224, 448, 448, 1), 0);
  assert.ok((await differing(224, 348, 300, 1)) < 0.002);
});

for (const mode of RESIZE_MODES)
  test(`${mode}: the graph's pixels are the loader's, for odd and even margins, small and large images`, async () => {
    for (const [sizePx, width, height, batch] of [
      [56, 97, 64, 2],
      [56, 40, 131, 1],
      [28, 150, 150, 1],
      [64, 1, 5, 1],
    ] as const)
      assert.equal(await differing(sizePx, width, height, batch, mode), 0, `${width} x ${height}`);
    assert.ok((await differing(112, 500, 311, 1, mode)) < 0.002); // INTER_AREA
  });
