// Compares features and gradients of a traced ViT with eager mode.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import type { TensorValue } from "guie/dist/engine/native/host_tensor";
import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import type { Tower } from "guie/dist/model/tower";
import { freshTower } from "guie/dist/model/tower_weights";
import { findTower } from "guie/dist/model/towers";
import { type FeatureOptions, vitFeatures, type Weights } from "guie/dist/model/vit";
import { toTensors } from "guie/dist/model/weight_source";
import { smallTower } from "../small_towers";
import { largestDifference, randomTensor } from "../tensors";

const TOWERS = [findTower("tiny"), smallTower("dinov2-vit-g-14-reg4"), smallTower("ViT-B-16-SigLIP")];

/** Computes the mean of products with fixed numbers: unlike the mean square, it has a gradient after a LayerNorm. */
function toyLoss(features: tf.Tensor2D): tf.Scalar {
  const weights = tf.cos(tf.range(0, features.size));
  return tf.mean(tf.mul(tf.reshape(features, [-1]), weights));
}

for (const tower of TOWERS) {
  for (const gradientCheckpointing of [false, true]) {
    const how = gradientCheckpointing ? ", checkpointed" : "";
    test(`${tower.name} traced${how}: features and gradients of all weights equal eager mode`, () =>
      compare(tower, gradientCheckpointing));
  }
}

async function compare(tower: Tower, gradientCheckpointing: boolean): Promise<void> {
  const weights = toTensors(freshTower(tower, randomStream(1, "weights")));
  const images = randomTensor(randomStream(1, "images"), [3, tower.imageSizePx, tower.imageSizePx, 3]);
  const names = Object.keys(weights);
  const compute = (weights: Weights, images: tf.Tensor, options: FeatureOptions = {}) => {
    const featuresOf = (weights: Weights) =>
      vitFeatures(weights, images as tf.Tensor4D, tower, { lastBlocks: 2, ...options });
    const loss = (...values: tf.Tensor[]) =>
      toyLoss(featuresOf(Object.fromEntries(values.map((value, i) => [names[i]!, value]))));
    const { grads } = tf.valueAndGrads(loss)(names.map((name) => weights[name]!));
    return { features: featuresOf(weights), grads };
  };

  const program = new Program();
  for (const [name, { shape }] of Object.entries(weights)) program.variable(name, { shape });
  const traced = program.function(
    "step",
    ({ images }, variables) =>
      compute(Object.fromEntries(names.map((name) => [name, variables.read(name)])), images, {
        gradientCheckpointing,
      }),
    { images },
  );
  for (const [name, tensor] of Object.entries(weights)) {
    await program.assign(name, tensor.dataSync() as Float32Array);
  }
  const { features, grads } = await traced.run({ images: images.dataSync() as Float32Array });

  const eager = tf.tidy(() => compute(weights, images));
  assertClose(features, eager.features, 1e-5);
  for (const [i, gradient] of eager.grads.entries()) assertClose(grads[i]!, gradient, 1e-4, names[i]);
  program.dispose();
  tf.dispose([weights, images, eager.features, eager.grads]);
}

function assertClose(actual: TensorValue, expected: tf.Tensor, relative: number, name = "features"): void {
  const scale = Math.max(...expected.dataSync().map(Math.abs));
  assert.ok(scale > 0, `${name} is not all zero`);
  const difference = largestDifference(actual.data as Float32Array, expected);
  assert.ok(difference <= relative * scale, `${name} differs by ${difference} of ${scale}`);
}
