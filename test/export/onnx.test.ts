// Compares exported ONNX files in onnxruntime with the same functions run eagerly in tfjs, for every family of towers.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readJson } from "guie/dist/common/files/files";
import { tf } from "guie/dist/engine/native/tf";
import { withFreeBatch } from "guie/dist/engine/program/free_batch";
import { Program } from "guie/dist/engine/program/program";
import { trace } from "guie/dist/engine/program/traced_function";
import { rawOp } from "guie/dist/engine/tracing/raw_op";
import { exportOnnx } from "guie/dist/export/onnx";
import { convertGraph } from "guie/dist/export/onnx/conversion";
import { MAPPINGS } from "guie/dist/export/onnx/mappings";
import { ONNX_DATA_FILE, ONNX_FILE, writeOnnx } from "guie/dist/export/onnx/write";
import { embedding, towerFeatures } from "guie/dist/model/embedding_model";
import type { Tower } from "guie/dist/model/tower";
import type { FeatureOptions } from "guie/dist/model/vit";
import { fromTensors } from "guie/dist/model/weight_source";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { z } from "zod";
import { smallTower } from "../small_towers";
import { configOf, randomModel } from "./models";

const folder = mkdtempSync(join(tmpdir(), "guie-onnx-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** One tower of each family: exact GELU, QuickGELU, LayerScale, registers, SwiGLU, tanh GELU with attention pooling. */
const FAMILIES = [
  "ViT-B-32",
  "ViT-B-32-quickgelu",
  "dinov2-vit-s-14",
  "dinov2-vit-s-14-reg4",
  "dinov2-vit-g-14",
  "ViT-B-16-SigLIP",
];

/** Returns the largest difference of two lists, relative to the largest value of the second. */
function relativeDifference(values: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(values.length, expected.length);
  const largest = Math.max(...Array.from(expected, Math.abs));
  return Math.max(...Array.from(expected, (value, i) => Math.abs(value - values[i]!))) / largest;
}

/** Returns values in -1..1 [batch, 3, side, side]. */
function pixelValues(batch: number, side: number): Float32Array {
  return Float32Array.from({ length: batch * 3 * side * side }, (_, i) => Math.sin(i * i + batch));
}

async function runOnnx(
  path: string,
  batch: number,
  side: number,
): Promise<{ data: Float32Array; dims: readonly number[] }> {
  const session = await InferenceSession.create(path);
  assert.deepEqual([session.inputNames, session.outputNames], [["pixel_values"], ["embedding"]]);
  const feed = new Tensor("float32", pixelValues(batch, side), [batch, 3, side, side]);
  const { embedding } = await session.run({ pixel_values: feed });
  await session.release();
  return embedding as unknown as { data: Float32Array; dims: readonly number[] };
}

/** Computes the expected embedding eagerly. */
function expectedEmbedding(
  tower: Tower,
  weights: Record<string, tf.Tensor>,
  batch: number,
  options: FeatureOptions,
  mirror: boolean,
) {
  return tf.tidy(() => {
    const side = tower.imageSizePx;
    const images = tf.transpose(tf.tensor4d(pixelValues(batch, side), [batch, 3, side, side]), [0, 2, 3, 1]);
    const features = towerFeatures(tower, options);
    const plain = features(weights, images);
    const mean = mirror ? tf.mul(tf.add(plain, features(weights, tf.reverse(images, 2))), 0.5) : plain;
    return embedding(weights, mean as tf.Tensor2D).dataSync() as Float32Array;
  });
}

for (const row of FAMILIES) {
  test(`${row}: onnxruntime computes our embedding, for batches of one and three`, async () => {
    const tower = smallTower(row);
    const [lastBlocks, mirror] = row === "dinov2-vit-s-14" ? [2, true] : [1, false];
    const patchPooling = row === "dinov2-vit-s-14-reg4" ? "gem" : "none";
    const config = configOf(tower, {
      tower: row,
      lastBlocks,
      patchPooling,
      neck: mirror ? "norm_double_linear" : "simple",
    });
    const weights = randomModel(tower, config);
    const expected = [1, 3].map((batch) =>
      expectedEmbedding(tower, weights, batch, { lastBlocks, patchPooling }, mirror),
    );
    const out = mkdtempSync(join(folder, "model-"));
    await exportOnnx({ tower, config, weights: fromTensors(weights) }, out, mirror);
    for (const [i, batch] of [1, 3].entries()) {
      const { data, dims } = await runOnnx(join(out, ONNX_FILE), batch, tower.imageSizePx);
      assert.deepEqual(dims, [batch, config.embeddingDim]);
      const difference = relativeDifference(data, expected[i]!);
      assert.ok(difference < 1e-5, `${row}, ${batch} images: ${difference}`);
    }
    const processor = readJson(join(out, "preprocessor_config.json"), z.record(z.string(), z.unknown()));
    assert.deepEqual(processor.size, { height: 28, width: 28 });
    assert.deepEqual(processor.image_mean, tower.mean);
  });
}

test("weights too large for the file go into a second one, and compute the same", async () => {
  const program = new Program();
  program.variable("w", { shape: [3, 5] });
  program.variable("b", { shape: [5] });
  await program.assign(
    "w",
    Float32Array.from({ length: 15 }, (_, i) => i / 7),
  );
  await program.assign("b", [1, 2, 3, 4, 5]);
  const traced = withFreeBatch("f", (batch) =>
    program.function(
      `f${batch}`,
      ({ x }, variables) =>
        tf.add(tf.matMul(x as tf.Tensor2D, variables.read("w") as tf.Tensor2D), variables.read("b")),
      { x: { shape: [batch, 3] } },
    ),
  );
  const files = await writeOnnx(folder, program, convertGraph(traced, MAPPINGS, ["y"]), 79);
  const whole = mkdtempSync(join(folder, "whole-"));
  assert.deepEqual(await writeOnnx(whole, program, convertGraph(traced, MAPPINGS, ["y"]), 80), [ONNX_FILE]);
  program.dispose();
  assert.deepEqual(files, [ONNX_FILE, ONNX_DATA_FILE]);
  assert.ok(existsSync(join(folder, ONNX_DATA_FILE)) && !existsSync(join(whole, ONNX_DATA_FILE)));
  assert.equal(readFileSync(join(folder, ONNX_DATA_FILE)).length, 4096 + 20);
  for (const path of [join(folder, ONNX_FILE), join(whole, ONNX_FILE)]) {
    const session = await InferenceSession.create(path);
    const { y } = await session.run({ x: new Tensor("float32", Float32Array.of(1, 0, 0, 0, 0, 7), [2, 3]) });
    const rows = [0, 1, 2, 3, 4]
      .map((i) => i / 7 + i + 1)
      .concat([10, 11, 12, 13, 14].map((i, j) => i + j + 1));
    assert.ok(relativeDifference(y!.data as Float32Array, rows) < 1e-6);
    await session.release();
  }
});

test("converted operations compute the same as in tfjs: slices, reversals, stacks, reductions", async () => {
  const functions: Record<string, (x: tf.Tensor3D) => tf.Tensor> = {
    slices: (x) => tf.slice(x, [0, 1, 0], [-1, 2, 1]),
    strided: (x) =>
      rawOp(
        "StridedSlice",
        [x, tf.tensor1d([0, 1], "int32"), tf.tensor1d([2, 2], "int32"), tf.tensor1d([1, 1], "int32")],
        { shrink_axis_mask: 2 },
      )[0]!,
    stacks: (x) => tf.stack(tf.unstack(x, 1).reverse(), 2),
    reversals: (x) => tf.reverse(x, [0, 2]),
    reductions: (x) => tf.concat([tf.sum(x, 1), tf.max(x, 1), tf.mean(x, [1])], 1),
    gathered: (x) => tf.gather(x, tf.tensor1d([2, 0], "int32"), 1),
    arithmetic: (x) => tf.div(tf.sqrt(tf.exp(tf.maximum(tf.minimum(x, 1), -1))), tf.add(tf.tanh(x), 3)),
    gelus: (x) => tf.mul(x, tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5)),
    products: (x) => tf.matMul(x, x, true, false),
  };
  const shape = [2, 3, 4];
  const values = Float32Array.from({ length: 24 }, (_, i) => Math.sin(3 * i) * 2);
  for (const [name, body] of Object.entries(functions)) {
    const traced = trace(({ x }) => body(x as tf.Tensor3D), { x: { shape } });
    const expected = traced.runSync({ x: values });
    const out = mkdtempSync(join(folder, `${name}-`));
    await writeOnnx(out, { viewAll: async () => {} }, convertGraph(traced as never, MAPPINGS, ["y"]));
    traced.dispose();
    const session = await InferenceSession.create(join(out, ONNX_FILE));
    const { y } = await session.run({ x: new Tensor("float32", values, shape) });
    assert.deepEqual(y!.dims, expected.shape, name);
    assert.ok(relativeDifference(y!.data as Float32Array, expected.data as Float32Array) < 1e-6, name);
    await session.release();
  }
});

test("an operation without a mapping is an error that names the operation and its node", () => {
  const traced = trace(({ x }) => tf.cumsum(x), { x: { shape: [3] } });
  assert.throws(
    () => convertGraph(traced as never, MAPPINGS, ["y"]),
    /The node Cumsum, Cumsum\(float32\[3\], int32\[\]\), has no counterpart in ONNX here: there is no mapping/,
  );
  traced.dispose();
});
