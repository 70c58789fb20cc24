// Settings of the model, compared with PyTorch; golden/make_model.py makes golden/model.json (command in its head).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { DEFAULTS } from "guie/dist/config/config";
import { tf } from "guie/dist/engine/native/tf";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { cachedFeatures, towerFeatures, trainingLoss } from "guie/dist/model/embedding_model";
import { adapterShapes, freshAdapters, mergeAdapters, mergedSource } from "guie/dist/model/lora";
import { generalisedMean } from "guie/dist/model/pooling";
import { freshTower } from "guie/dist/model/tower_weights";
import { towerShapes } from "guie/dist/model/towers";
import { vitFeatures } from "guie/dist/model/vit";
import { HEAD_WEIGHT, TOWER_PREFIX } from "guie/dist/model/weight_names";
import { fromTensors, toTensors } from "guie/dist/model/weight_source";
import { smallTower } from "../small_towers";
import { largestDifference, randomTensor } from "../tensors";

interface GemCase {
  power: number;
  /** [B, n, D]. */
  tokens: number[][][];
  /** [B, D]. */
  pooled: number[][];
  /** The loss is the sum of `pooled` times this. */
  direction: number[][];
  gradient: number[][][];
}

interface LoraCase {
  rank: number;
  alpha: number;
  /** Adapters before each step by name, flat, with loss and gradients. */
  steps: { adapters: Record<string, number[]>; loss: number; gradients: Record<string, number[]> }[];
}

interface MatryoshkaCase {
  s: number;
  margin: number;
  matryoshka: number[];
  labels: number[];
  loss: number;
  embeddings: number[][];
  rows: number[][];
  gradEmbeddings: number[][];
  gradRows: number[][];
}

const golden = JSON.parse(readFileSync(join(installPath(), "test/golden/model.json"), "utf8")) as {
  gem: GemCase[];
  lora: LoraCase;
  matryoshka: MatryoshkaCase;
};

test("GeM: value and gradient equal PyTorch's, for negative tokens and powers that are no whole numbers", () => {
  for (const { power, tokens, pooled, direction, gradient } of golden.gem) {
    assert.ok(tokens.flat(2).some((value) => value < 0));
    tf.tidy(() => {
      const of = (x: tf.Tensor) => tf.sum(tf.mul(generalisedMean(x, power), tf.tensor2d(direction)));
      const x = tf.tensor3d(tokens);
      assert.ok(largestDifference(generalisedMean(x, power), tf.tensor2d(pooled)) < 1e-6, String(power));
      assert.ok(largestDifference(tf.grad(of)(x), tf.tensor3d(gradient)) < 1e-5, String(power));
    });
  }
});

test("GeM of patches follows the class tokens; on positive tokens power 1 is the mean, a large one the maximum", () => {
  const tower = smallTower("dinov2-vit-s-14-reg4");
  const D = tower.width;
  tf.tidy(() => {
    const images = randomTensor(randomStream(3, "images"), [2, 28, 28, 3]) as tf.Tensor4D;
    const weights = toTensors(freshTower(tower, randomStream(1, "weights"), 28));
    weights["ln_post.bias"] = tf.fill([D], 8); // so that all tokens are positive
    const pooled = (patchPooling: "mean" | "gem", gemPower?: number) => {
      const features = vitFeatures(weights, images, tower, { lastBlocks: 2, patchPooling, gemPower });
      assert.deepEqual(features.shape, [2, 3 * D]);
      const classes = vitFeatures(weights, images, tower, { lastBlocks: 2 });
      assert.ok(largestDifference(tf.slice(features, [0, 0], [2, 2 * D]), classes) < 1e-5);
      return tf.slice(features, [0, 2 * D], [2, D]);
    };
    const [mean, one, three, thirty] = [pooled("mean"), ...[1, 3, 30].map((power) => pooled("gem", power))];
    assert.ok(largestDifference(one!, mean!) < 1e-5);
    assert.ok(tf.min(tf.sub(three!, one!)).dataSync()[0]! > 0);
    assert.ok(tf.min(tf.sub(thirty!, three!)).dataSync()[0]! > 0);
    assert.ok(largestDifference(pooled("gem"), three!) === 0, "the default power is 3");
  });
});

test("LoRA: loss and the gradients of A and B equal PyTorch's over three steps of AdamW", () => {
  const { rank, alpha, steps } = golden.lora;
  const tower = smallTower("ViT-B-32");
  const shapes = adapterShapes(tower, { loraRank: rank, trainedBlocks: 1 });
  assert.equal(shapes.size, 8, "A and B of four matrices in one of the two blocks");
  const file = openSafetensors(installPath("test", "golden", "vit.safetensors"));
  const read = (name: string) => tf.tensor(file.read(name), file.tensors.get(name)!.shape);
  const prefix = "gelu/weights/";
  const features = towerFeatures(tower, { lastBlocks: 2, loraAlpha: alpha });
  for (const { adapters, loss, gradients } of steps) {
    tf.tidy(() => {
      const own = [...file.tensors.keys()].filter((name) => name.startsWith(prefix));
      const base = Object.fromEntries(
        own.map((name) => [TOWER_PREFIX + name.slice(prefix.length), read(name)]),
      );
      const names = [...shapes.keys()];
      const lossOf = (...values: tf.Tensor[]) => {
        const record = Object.fromEntries(names.map((name, i) => [TOWER_PREFIX + name, values[i]!]));
        return tf.sum(tf.mul(features({ ...base, ...record }, read("images")), read("slope")));
      };
      const values = names.map((name) => tf.tensor(adapters[name]!, [...shapes.get(name)!]));
      const { value, grads } = tf.valueAndGrads(lossOf)(values);
      assert.ok(Math.abs(value.dataSync()[0]! / loss - 1) < 1e-5, `${value.dataSync()[0]} against ${loss}`);
      for (const [i, name] of names.entries()) {
        const expected = Float32Array.from(gradients[name]!);
        const largest = Math.max(...expected.map(Math.abs));
        assert.ok(largestDifference(grads[i]!, expected) <= 1e-5 * Math.max(largest, 1), name);
      }
    });
  }
  file.close();
});

test("fresh adapters change nothing: B is 0, A is uniform within 1 / sqrt(inputs), its own for each matrix", () => {
  const tower = smallTower("dinov2-vit-g-14"); // SwiGLU: two matrices of other names
  const config = { loraRank: 50, trainedBlocks: 0 };
  const values = toTensors(freshAdapters(tower, config, 999));
  const [names, D] = [Object.keys(values), tower.width];
  assert.equal(names.length, 2 * 4 * 2);
  const of = (name: string) => values[`transformer.resblocks.0.${name}`]!.dataSync<"float32">();
  assert.ok(of("mlp.w3.weight.lora_B").every((value) => value === 0));
  const a = of("attn.in_proj_weight.lora_A");
  assert.equal(a.length, 50 * D);
  const [bound, squares] = [1 / Math.sqrt(D), a.reduce((sum, value) => sum + value ** 2, 0) / a.length];
  assert.ok(a.every((value) => Math.abs(value) <= bound));
  assert.ok(Math.abs(squares / (bound ** 2 / 3) - 1) < 0.15, "the variance of a uniform distribution");
  assert.notDeepEqual(of("attn.out_proj.weight.lora_A"), a);
  const again = toTensors(freshAdapters(tower, config, 999));
  assert.deepEqual(again[names[0]!]!.dataSync(), values[names[0]!]!.dataSync());
  tf.dispose([values, again]);
});

test("merged weights are ordinary ones: W + alpha / r x B A, others unchanged", () => {
  const tower = smallTower("dinov2-vit-s-14");
  const config = { loraRank: 3, trainedBlocks: 1 };
  const names = [...towerShapes(tower).keys()];
  const random = randomStream(1, "weights");
  const base = toTensors(freshTower(tower, random, 28));
  const adapters = toTensors(freshAdapters(tower, config, 1));
  for (const name of Object.keys(adapters)) adapters[name] = randomTensor(random, adapters[name]!.shape);
  const all = { ...base, ...adapters };
  const copies = Object.fromEntries(Object.entries(all).map(([name, value]) => [name, tf.clone(value)]));
  const eager = mergeAdapters(all, 6);
  const merged = toTensors(mergedSource(fromTensors(copies), 6));
  assert.deepEqual(Object.keys(merged).sort(), names.sort());
  const matrix = "transformer.resblocks.1.mlp.c_proj.weight";
  assert.ok(largestDifference(merged[matrix]!, base[matrix]!) > 0.1);
  const [A, B] = [`${matrix}.lora_A`, `${matrix}.lora_B`].map(
    (name) => adapters[name]!.arraySync() as number[][],
  );
  const whole = base[matrix]!.arraySync() as number[][];
  const found = merged[matrix]!.arraySync() as number[][];
  for (const [i, j] of [
    [0, 0],
    [3, 5],
  ] as const) {
    const product = B![i]!.reduce((sum, value, k) => sum + value * A![k]![j]!, 0);
    assert.ok(Math.abs(found[i]![j]! - (whole[i]![j]! + 2 * product)) < 1e-5);
  }
  for (const name of names) assert.equal(largestDifference(merged[name]!, eager[name]!), 0, name);
  const first = "transformer.resblocks.0.mlp.c_proj.weight";
  assert.equal(largestDifference(merged[first]!, base[first]!), 0);
  assert.throws(() => mergeAdapters(adapters, undefined), /loraAlpha/);
  tf.dispose([all, eager, merged]);
});

test("Matryoshka: the mean loss of prefixes and the whole, and its gradients, equal PyTorch's", () => {
  const { s, margin, matryoshka, labels, loss, embeddings, rows, gradEmbeddings, gradRows } =
    golden.matryoshka;
  const config = { ...DEFAULTS, s, matryoshka, head: "Arc_face" } as const;
  tf.tidy(() => {
    const [x, head] = [tf.tensor2d(embeddings), tf.tensor2d(rows)];
    const [B, E] = x.shape;
    const neck = { "neck.weight": tf.eye(E), "neck.bias": tf.zeros([E]) }; // the features are the embeddings
    const lossOf = (lengths: readonly number[]) => (inputs: tf.Tensor, rows: tf.Tensor) => {
      const batch = {
        inputs,
        labels: tf.tensor1d(labels, "int32"),
        keep: tf.ones([B, E]) as tf.Tensor2D,
        margin: tf.scalar(margin),
      };
      const settings = { ...config, matryoshka: lengths };
      const weights = { ...neck, [HEAD_WEIGHT]: rows };
      return trainingLoss(cachedFeatures, weights, batch, settings, { assign: () => {} });
    };
    const { value, grads } = tf.valueAndGrads(lossOf(matryoshka))([x, head]);
    assert.ok(Math.abs(value.dataSync()[0]! / loss - 1) < 1e-5, `${value.dataSync()[0]} against ${loss}`);
    assert.ok(largestDifference(grads[0]!, tf.tensor2d(gradEmbeddings)) < 2e-5);
    assert.ok(largestDifference(grads[1]!, tf.tensor2d(gradRows)) < 2e-5);
    assert.ok(Math.abs(lossOf([])(x, head).dataSync()[0]! - loss) > 0.01, "the whole alone has another loss");
  });
});
