// Loss and optimizer, compared with PyTorch; golden/make_training.py makes golden/training.json (command in its head).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { DEFAULTS } from "guie/dist/config/config";
import type { BetaSettings } from "guie/dist/config/optimiser";
import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import { marginLoss } from "guie/dist/model/arcface";
import { classCosines } from "guie/dist/model/head";
import { clipFactor } from "guie/dist/training/step/clip";
import { type AdamRates, adamRates, applyAdamW } from "guie/dist/training/step/optimizer";
import { declareOptimizer } from "guie/dist/training/step/optimizer_state";

interface LossCase {
  s: number;
  m: number;
  embeddings: number[][];
  rows: number[][];
  labels: number[];
  loss: number;
  gradEmbeddings: number[][];
  gradRows: number[][];
}

const golden = JSON.parse(readFileSync(join(installPath(), "test/golden/training.json"), "utf8")) as {
  arcFace: LossCase[];
  edges: (LossCase & { cosines: number[][]; gradCosines: number[][]; withoutClamp: string[] })[];
  adamW: { lr: number; weightDecay: number; start: number[]; gradients: number[][]; values: number[][] };
  betas: BetaSettings & { lr: number; weightDecay: number; clipNorm: number; norms: number[] } & {
    start: number[][];
    /** Step, weight, number. */
    gradients: number[][][];
    values: number[][][];
  };
};

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    assert.ok(
      Math.abs(actual[i]! - expected[i]!) <= tolerance,
      `[${i}]: ${actual[i]} against ${expected[i]}`,
    );
  }
}

function lossAndGradients(embeddings: number[][], rows: number[][], labels: number[], s: number, m: number) {
  return tf.tidy(() => {
    const truth = tf.tensor1d(labels, "int32");
    const lossOf = (e: tf.Tensor, r: tf.Tensor) =>
      marginLoss(classCosines(e as tf.Tensor2D, r as tf.Tensor2D, 1), truth, {
        loss: "ArcFace",
        s,
        margin: m,
      });
    const { value, grads } = tf.valueAndGrads(lossOf)([tf.tensor2d(embeddings), tf.tensor2d(rows)]);
    return { loss: value.dataSync()[0]!, grads: grads.map((grad) => Float32Array.from(grad.dataSync())) };
  });
}

test("ArcFace: loss and gradients equal PyTorch's, including the easy rule", () => {
  for (const { s, m, embeddings, rows, labels, loss, gradEmbeddings, gradRows } of golden.arcFace) {
    const ours = lossAndGradients(embeddings, rows, labels, s, m);
    assert.ok(Math.abs(ours.loss / loss - 1) < 1e-5, `${ours.loss} against ${loss}`);
    assertClose(ours.grads[0]!, gradEmbeddings.flat(), 2e-5);
    assertClose(ours.grads[1]!, gradRows.flat(), 2e-5);
  }
});

test("ArcFace at cosines of exactly 1 and -1: loss and gradients equal the published loss with a clamp", () => {
  for (const { s, m, cosines, gradCosines, ...model } of golden.edges) {
    assert.deepEqual(model.withoutClamp, ["-inf", "inf"], "the published root without a clamp, in PyTorch");
    assert.ok(cosines.flat().includes(1) && cosines.flat().includes(-1));
    const truth = tf.tensor1d(model.labels, "int32");
    const lossOf = (values: tf.Tensor) =>
      marginLoss(values as tf.Tensor2D, truth, { loss: "ArcFace", s, margin: m });
    const ofCosines = tf.grad(lossOf)(tf.tensor2d(cosines)).dataSync();
    assertClose(ofCosines, gradCosines.flat(), 2e-5);
    const ours = lossAndGradients(model.embeddings, model.rows, model.labels, s, m);
    assert.ok(Math.abs(ours.loss / model.loss - 1) < 1e-5, `${ours.loss} against ${model.loss}`);
    assertClose(ours.grads[0]!, model.gradEmbeddings.flat(), 2e-5);
    assertClose(ours.grads[1]!, model.gradRows.flat(), 2e-5);
  }
});

test("AdamW, traced in place: three steps equal PyTorch's", async () => {
  const { start, gradients, values, lr, weightDecay } = golden.adamW;
  const program = new Program();
  program.variable("w", { shape: [start.length] });
  await program.assign("w", start);
  const config = { precision: "float32", accumulationSteps: 1 } as const;
  await declareOptimizer(program, new Map([["w", [start.length]]]), config);
  const scalar = { shape: [] };
  const step = program.function(
    "step",
    ({ gradient, ...rates }, variables) =>
      applyAdamW(variables, "w", gradient!, {
        rates: rates as unknown as AdamRates<tf.Scalar>,
        betas: DEFAULTS,
      }),
    { gradient: { shape: [start.length] }, stepSize: scalar, epsilon: scalar, keep: scalar },
  );
  for (const [i, gradient] of gradients.entries()) {
    await step.run({ gradient, ...adamRates(i + 1, lr, { ...DEFAULTS, weightDecay }) });
    assertClose((await program.read("w")).data as Float32Array, values[i]!, 1e-6);
  }
  program.dispose();
});

test("AdamW with other betas and clipped gradients: three steps of two weights equal PyTorch's", async () => {
  const { start, gradients, values, norms, lr, clipNorm, ...settings } = golden.betas;
  assert.ok(norms[0]! > clipNorm && norms[1]! < clipNorm, "one step that is clipped, one that is not");
  const names = start.map((_, i) => `w${i}`);
  const shapes = new Map(names.map((name, i) => [name, [start[i]!.length]]));
  const program = new Program();
  for (const [name, shape] of shapes) program.variable(name, { shape });
  for (const [i, name] of names.entries()) await program.assign(name, start[i]!);
  await declareOptimizer(program, shapes, { precision: "float32", accumulationSteps: 1 });
  const scalar = { shape: [] };
  const step = program.function(
    "step",
    (fed, variables) => {
      const { stepSize, epsilon, keep, ...ofWeights } = fed as Record<string, tf.Tensor>;
      const rates = { stepSize, epsilon, keep } as unknown as AdamRates<tf.Scalar>;
      const factor = clipFactor(Object.values(ofWeights), clipNorm);
      for (const name of names)
        applyAdamW(variables, name, tf.mul(ofWeights[name]!, factor), {
          rates,
          betas: settings,
        });
    },
    {
      ...Object.fromEntries([...shapes].map(([name, shape]) => [name, { shape }])),
      ...{ stepSize: scalar, epsilon: scalar, keep: scalar },
    },
  );
  for (const [i, ofStep] of gradients.entries()) {
    const fed = Object.fromEntries(names.map((name, k) => [name, ofStep[k]!]));
    await step.run({ ...fed, ...adamRates(i + 1, lr, settings) });
    for (const [k, name] of names.entries())
      assertClose((await program.read(name)).data as Float32Array, values[i]![k]!, 1e-6);
  }
  program.dispose();
});
