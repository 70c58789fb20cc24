// Features from 16-bit matrix products against those in float32, for a whole tower of twelve blocks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import type { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import { freshTower } from "guie/dist/model/tower_weights";
import { findTower } from "guie/dist/model/towers";
import { vitFeatures } from "guie/dist/model/vit";
import { fillProgram } from "guie/dist/model/weight_source";

const IMAGES = 2;
const PRECISIONS = ["float32", "bfloat16", "float16"] as const;

/** Returns features of the same random images by the same random weights, in each precision. */
async function featuresOf(name: string, imageSizePx: number): Promise<Float32Array[]> {
  const tower = findTower(name);
  const random = randomStream(5, name);
  const program = new Program();
  await fillProgram(program, freshTower(tower, random, imageSizePx));
  const shape = [IMAGES, imageSizePx, imageSizePx, 3];
  const images = Float32Array.from({ length: IMAGES * imageSizePx ** 2 * 3 }, () => random.normal());
  const results: Float32Array[] = [];
  for (const precision of PRECISIONS) {
    const f = program.function(
      precision,
      ({ images }, variables) => {
        const read = (name: string) => [name, variables.read(name)];
        const weights = Object.fromEntries(program.variableNames.map(read));
        return vitFeatures(weights, images as tf.Tensor4D, tower, { precision });
      },
      { images: { shape } },
    );
    results.push((await f.run({ images })).data as Float32Array);
  }
  program.dispose();
  return results;
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

test("DINOv2 ViT-S/14: features in 16 bits have a cosine of at least 0.999 to those in float32", async () => {
  const [full, ...halves] = await featuresOf("dinov2-vit-s-14", 56);
  const width = full!.length / IMAGES;
  for (const half of halves) {
    assert.notDeepEqual(half, full);
    for (let start = 0; start < full!.length; start += width) {
      const [a, b] = [half, full!].map((all) => all.subarray(start, start + width));
      assert.ok(cosine(a!, b!) >= 0.999, String(cosine(a!, b!)));
    }
  }
});
