// The eager peer of `npm run bench vit`: the same Vision Transformer in plain tfjs, as written without this library.
import { randomStream } from "guie/dist/common/random.js";
import { tf } from "guie/dist/engine/native/tf.js";
import { initialHeadValues } from "guie/dist/model/head.js";
import { freshTower } from "guie/dist/model/tower_weights.js";
import { findTower } from "guie/dist/model/towers.js";
import { toTensors } from "guie/dist/model/weight_source.js";
import { serve } from "../shared/contestant.mjs";

const [CLASSES, EMBEDDING, SCALE] = [1000, 64, 30];
const spec = JSON.parse(process.argv[2]);
const { imageSizePx, width: D, layers, heads, batch: B } = spec;
const P = 14;
const tower = { ...findTower(spec.base), imageSizePx, width: D, layers, heads };
const random = randomStream(1, "bench");
const images = tf.randomNormal([B, imageSizePx, imageSizePx, 3]).as4D(B, imageSizePx, imageSizePx, 3);
const labels = tf.oneHot(tf.range(0, B, 1, "int32"), CLASSES);
const N = 1 + (imageSizePx / P) ** 2;
const weights = toTensors(freshTower(tower, random, imageSizePx));

function layerNorm(x, name) {
  const { mean, variance } = tf.moments(x, -1, true);
  const normal = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
  return tf.add(tf.mul(normal, weights[`${name}.weight`]), weights[`${name}.bias`]);
}

function linear(x, weight, bias) {
  return tf.add(tf.matMul(x, weights[weight], false, true), weights[bias]);
}

const gelu = (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));

function attention(qkv) {
  const split = tf.transpose(tf.reshape(qkv, [B, N, 3, heads, D / heads]), [2, 0, 3, 1, 4]);
  const [q, k, v] = tf.unstack(split);
  const scores = tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(D / heads)));
  return tf.reshape(tf.transpose(tf.matMul(scores, v), [0, 2, 1, 3]), [B * N, D]);
}

function block(x, name) {
  const qkv = linear(
    layerNorm(x, `${name}.ln_1`),
    `${name}.attn.in_proj_weight`,
    `${name}.attn.in_proj_bias`,
  );
  const mixed = linear(attention(qkv), `${name}.attn.out_proj.weight`, `${name}.attn.out_proj.bias`);
  const y = tf.add(x, mixed);
  const hidden = linear(layerNorm(y, `${name}.ln_2`), `${name}.mlp.c_fc.weight`, `${name}.mlp.c_fc.bias`);
  return tf.add(y, linear(gelu(hidden), `${name}.mlp.c_proj.weight`, `${name}.mlp.c_proj.bias`));
}

function features() {
  const kernel = tf.transpose(weights["conv1.weight"], [2, 3, 1, 0]);
  const patches = tf.reshape(tf.conv2d(images, /** @type {any} */ (kernel), P, "valid"), [B, N - 1, D]);
  const classTokens = tf.tile(tf.reshape(weights.class_embedding, [1, 1, D]), [B, 1, 1]);
  const tokens = tf.add(tf.concat([classTokens, patches], 1), weights.positional_embedding);
  let x = layerNorm(tf.reshape(tokens, [B * N, D]), "ln_pre");
  for (let i = 0; i < layers; i++) x = block(x, `transformer.resblocks.${i}`);
  const first = tf.slice(tf.reshape(x, [B, N, D]), [0, 0, 0], [-1, 1, -1]);
  return layerNorm(tf.reshape(first, [B, D]), "ln_post");
}

function arcFace(rows) {
  const unit = (x) => tf.div(x, tf.norm(x, 2, 1, true));
  const cosines = tf.matMul(unit(linear(features(), "neck.weight", "neck.bias")), unit(rows), false, true);
  const sines = tf.sqrt(tf.clipByValue(tf.sub(1, tf.square(cosines)), 1e-12, 1));
  const shifted = tf.sub(tf.mul(cosines, Math.cos(0.3)), tf.mul(sines, Math.sin(0.3)));
  const logits = tf.mul(tf.add(tf.mul(labels, shifted), tf.mul(tf.sub(1, labels), cosines)), SCALE);
  return tf.losses.softmaxCrossEntropy(labels, logits);
}

function prepareStep() {
  const shapes = {
    "neck.weight": [EMBEDDING, D],
    "neck.bias": [EMBEDDING],
    "head.weight": [CLASSES, EMBEDDING],
  };
  for (const [name, values] of Object.entries(initialHeadValues(shapes, random)))
    weights[name] = tf.tensor(values, shapes[name]);
  delete weights.proj;
  for (const [name, value] of Object.entries(weights)) weights[name] = tf.variable(value);
  const optimizer = tf.train.adam(1e-5);
  return () => optimizer.minimize(() => arcFace(weights["head.weight"]).asScalar(), true).data();
}

await serve(spec.work === "step" ? prepareStep() : () => tf.tidy(features).data());
