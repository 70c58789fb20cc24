// Necks, sub-centres, CosFace and margins by class size, compared with PyTorch (golden/make_training.py).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { preset, vit224, vit224Scored } from "guie/dist/config/presets";
import { tf } from "guie/dist/engine/native/tf";
import { marginLoss } from "guie/dist/model/arcface";
import { classCosines, headShapes, marginShares } from "guie/dist/model/head";
import { neck } from "guie/dist/model/neck";
import { isBackboneFrozen, learningRate } from "guie/dist/training/step/schedule";

interface LossCase {
  loss: "ArcFace" | "CosFace";
  K: number;
  s: number;
  margins: number[];
  embeddings: number[][];
  rows: number[][];
  labels: number[];
  value: number;
  gradEmbeddings: number[][];
  gradRows: number[][];
}

type Values = Record<string, number[] | number[][]>;

interface NeckCase {
  neck: "simple" | "norm_single_linear" | "norm_double_linear";
  weights: Values;
  batches: number[][][];
  direction: number[][];
  outputs: number[][][];
  gradients: Values;
  inference: number[][];
  running?: Values;
}

const golden = JSON.parse(readFileSync(join(installPath(), "test/golden/training.json"), "utf8")) as {
  otherLosses: LossCase[];
  necks: NeckCase[];
};

function assertClose(actual: tf.Tensor, expected: unknown, tolerance: number, name: string): void {
  const [ours, theirs] = [actual.dataSync(), (expected as number[]).flat(2)];
  assert.equal(ours.length, theirs.length, name);
  for (const [i, value] of theirs.entries())
    assert.ok(Math.abs(ours[i]! - value) <= tolerance, `${name}[${i}]: ${ours[i]} against ${value}`);
}

for (const row of golden.otherLosses) {
  test(`${row.loss} with ${row.K} rows per class: loss and gradients equal PyTorch's`, () =>
    tf.tidy(() => {
      const labels = tf.tensor1d(row.labels, "int32");
      const margin = tf.tensor2d(row.margins, [row.margins.length, 1]);
      const lossOf = (embeddings: tf.Tensor, rows: tf.Tensor) =>
        marginLoss(classCosines(embeddings as tf.Tensor2D, rows as tf.Tensor2D, row.K), labels, {
          ...row,
          margin,
        });
      const { value, grads } = tf.valueAndGrads(lossOf)([tf.tensor2d(row.embeddings), tf.tensor2d(row.rows)]);
      assert.ok(Math.abs(value.dataSync()[0]! / row.value - 1) < 1e-5);
      assertClose(grads[0]!, row.gradEmbeddings, 2e-5, "embeddings");
      assertClose(grads[1]!, row.gradRows, 2e-5, "rows");
    }));
}

for (const row of golden.necks) {
  test(`neck ${row.neck}: outputs, gradients and running statistics equal PyTorch's`, () =>
    tf.tidy(() => {
      const fresh: Values = {
        "neck.norm.running_mean": new Array(10).fill(0),
        "neck.norm.running_var": new Array(10).fill(1),
      };
      const start = { ...row.weights, ...(row.running ? fresh : {}) };
      const weights = Object.fromEntries(
        Object.entries(start).map(([name, values]) => [name, tf.tensor(values)]),
      );
      const shapes = headShapes({ ...vit224(), neck: row.neck, embeddingDim: 4 }, 10, 7);
      assert.deepEqual(
        Object.entries(shapes).filter(([name]) => name !== "head.weight"),
        Object.keys(shapes)
          .filter((name) => name !== "head.weight")
          .map((name) => [name, weights[name]!.shape]),
      );
      const training = {
        keep: tf.ones([6, 10]) as tf.Tensor2D,
        assign: (name: string, value: tf.Tensor) => {
          weights[name] = tf.keep(value.clone());
        },
      };
      assertClose(neck(weights, tf.tensor2d(row.batches[0]!), training), row.outputs[0], 2e-5, "first batch");
      const names = Object.keys(row.weights);
      const before = { ...weights };
      const output = neck(weights, tf.tensor2d(row.batches[1]!), training);
      assertClose(output, row.outputs[1], 2e-5, "second batch");
      for (const [name, values] of Object.entries(row.running ?? {}))
        assertClose(weights[name]!, values, 1e-6, name);
      const loss = (...values: tf.Tensor[]) => {
        const record = {
          ...before,
          ...Object.fromEntries(values.map((value, i) => [names[i]!, value])),
        };
        const output = neck(record, tf.tensor2d(row.batches[1]!), { ...training, assign: () => {} });
        return tf.sum(tf.mul(output, tf.tensor2d(row.direction))) as tf.Scalar;
      };
      const gradients = tf.grads(loss)(names.map((name) => weights[name]!));
      for (const [i, name] of names.entries()) assertClose(gradients[i]!, row.gradients[name], 1e-4, name);
      assertClose(neck(weights, tf.tensor2d(row.batches[0]!)), row.inference, 2e-5, "inference");
    }));
}

test("the shares of the margin fall with the fourth root of the class size", () => {
  assert.deepEqual(Array.from(marginShares([16, 1, 81, 0, 16])), [0.5, 1, Math.fround(1 / 3), 1, 0.5]);
  assert.deepEqual(Array.from(marginShares([32, 2])), [0.5, 1]);
});

test("vit_224_scored: two epochs of all parts, one of neck and head, margins 0.1 0.2 0.3", () => {
  const config = vit224Scored();
  assert.deepEqual(
    [1, 2, 3].map((epoch) => isBackboneFrozen(config, epoch)),
    [false, false, true],
  );
  assert.equal(config.margin, 0.1);
});

test("frozen_head: 2e-2 falling to 1e-3, three rows for each of 34,800 classes", () => {
  const config = preset("frozen_head");
  assert.equal(config.stage, "frozen");
  const last = learningRate(config, { epoch: 10, stepInEpoch: 1000 }, 1000);
  assert.ok(last > 1e-3 && last < 1.001e-3, String(last));
  assert.equal(learningRate(config, { epoch: 1, stepInEpoch: 1000 }, 1000), 2e-2);
  const shapes = headShapes(config, 1152, 34800);
  assert.deepEqual(shapes["head.weight"], [104400, 64]);
  assert.deepEqual(shapes["neck.weight"], [64, 1152]);
});
