// Files with their libraries' names (golden/make_checkpoints.py, make_transformers5.py) give the libraries' features.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { elementCount } from "guie/dist/common/vectors";
import { tf } from "guie/dist/engine/native/tf";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { type TensorFile, tensorReaders } from "guie/dist/formats/tensor_file";
import type { Tower } from "guie/dist/model/tower";
import { findTower, towerShapes } from "guie/dist/model/towers";
import { vitFeatures, type Weights } from "guie/dist/model/vit";
import { exportEntries } from "guie/dist/pretrained/export_names";
import type { Library } from "guie/dist/pretrained/name_families";
import { towerEntries } from "guie/dist/pretrained/tower_names";
import { largestDifference } from "../tensors";

const FOLDER = installPath(join("test", "golden", "checkpoints"));
const FEATURES = "features.safetensors";
const sources = readdirSync(FOLDER).filter((file) => file !== FEATURES);

/** The sizes of golden/small_towers.py. */
const SIZES = {
  imageSizePx: 28,
  patchSizePx: 7,
  width: 8,
  layers: 2,
  heads: 2,
  mlpRatio: 2,
  positionGrid: 4,
};

/** The family of a file's names, by the beginning of the file name. */
const NAMINGS: readonly (readonly [string, string])[] = [
  ["dinov2", "DINOv2"],
  ["hf_clip", "Hugging Face CLIP"],
  ["hf_dinov2", "Hugging Face DINOv2"],
  ["hf_siglip", "Hugging Face SigLIP"],
  ["memory_hf_dinov2", "transformers 5's DINOv2 in memory"],
  ["open_clip_siglip", "timm"],
  ["timm", "timm"],
];

const openGolden = (file: string) => openSafetensors(join(FOLDER, file));

function smallTower(row: string): Tower {
  const tower = findTower(row);
  return { ...tower, ...SIZES, projectionWidth: tower.projectionWidth === null ? null : 4 };
}

function readWeights(file: TensorFile, tower: Tower): { weights: Weights; naming: string } {
  const { entries, naming } = towerEntries("the file", file, tower);
  const tensors = entries.map(({ name, shape, data }) => {
    const values = typeof data === "function" ? (data() as Float32Array) : data;
    return [name, tf.tensor(values, [...shape])] as const;
  });
  return { weights: Object.fromEntries(tensors), naming };
}

/** Returns the same file with other names; null leaves a tensor out. */
function renamed(file: TensorFile, rename: (name: string) => string | null): TensorFile {
  const names = [...file.tensors.keys()].flatMap((name) => {
    const other = rename(name);
    return other === null ? [] : [[other, name] as const];
  });
  const inFile = new Map(names);
  const tensors = new Map(names.map(([other, name]) => [other, file.tensors.get(name)!]));
  const readInto = (name: string, memory: Float32Array) => file.readInto(inFile.get(name)!, memory);
  return { metadata: {}, tensors, ...tensorReaders("renamed", tensors, readInto), close: file.close };
}

function relativeDifference(value: tf.Tensor, expected: tf.Tensor): number {
  return largestDifference(value, expected) / tf.max(tf.abs(expected)).dataSync()[0]!;
}

for (const fileName of sources) {
  const source = fileName.replace(".safetensors", "");
  test(`${source}: the family is recognised, and the features equal the library's`, () => {
    const file = openGolden(fileName);
    const golden = openGolden(FEATURES);
    tf.tidy(() => {
      const expected = (name: string) => tf.tensor(golden.read(name), golden.tensors.get(name)!.shape);
      const tower = smallTower(file.metadata.row!);
      const { weights, naming } = readWeights(file, tower);
      assert.equal(naming, NAMINGS.find(([start]) => source.startsWith(start))![1]);
      const images = expected("images") as tf.Tensor4D;
      const difference = relativeDifference(
        vitFeatures(weights, images, tower),
        expected(`${source.replace("memory_", "")}/features`),
      );
      assert.ok(difference < 1e-5, `${difference}`);
      if (!golden.tensors.has(`${source}/projection`)) return;
      const projected = vitFeatures(weights, images, tower, { projection: true });
      assert.ok(relativeDifference(projected, expected(`${source}/projection`)) < 1e-5);
    });
    golden.close();
    file.close();
  });
}

/** Tensors of the files that do not belong to the tower, or to the model around it. */
const BESIDE = /^(logit_|text)|^visual\.trunk\./;
const LIBRARY: Record<string, Library> = {
  DINOv2: "dinov2",
  timm: "timm",
  "Hugging Face CLIP": "huggingface",
  "Hugging Face SigLIP": "huggingface",
  "Hugging Face DINOv2": "huggingface",
};

for (const fileName of sources.filter((file) => !/^(open_clip|memory)_/.test(file))) {
  test(`${fileName}: exported under its own names, every tensor is unchanged`, () => {
    const file = openGolden(fileName);
    const tower = smallTower(file.metadata.row!);
    const { entries, naming } = towerEntries("the file", file, tower);
    const ours = new Map(entries.map(({ name, data }) => [name, data as () => Float32Array]));
    const read = (name: string) => ours.get(name)!();
    const written = exportEntries(tower, LIBRARY[naming]!, new Set(ours.keys()), read);
    const expected = [...file.tensors].filter(([name]) => !BESIDE.test(name));
    assert.deepEqual(written.map(({ name }) => name).sort(), expected.map(([name]) => name).sort());
    for (const { name, shape, data } of written) {
      assert.deepEqual([...shape], file.tensors.get(name)!.shape, name);
      if (name.endsWith("mask_token")) continue; // no feature depends on it: it is exported as zeros
      assert.deepEqual(typeof data === "function" ? data() : data, file.read(name), name);
    }
    file.close();
  });
}

test("the error about a library without such a tower names the libraries that have one", () => {
  const tower = smallTower("ViT-B-16-SigLIP");
  const names = new Set(towerShapes(tower).keys());
  const none = () => assert.fail("nothing is read");
  assert.throws(
    () => exportEntries(tower, "open_clip", names, none),
    /open_clip has no tower like ViT-B-16-SigLIP\.\n {2}Next: Use the names of timm or huggingface\./,
  );
});

test("prefixes make no difference: a whole model gives the same weights as its tower alone", () => {
  const file = openGolden("hf_dinov2.safetensors");
  const tower = smallTower("dinov2-vit-s-14");
  tf.tidy(() => {
    const plain = readWeights(file, tower).weights;
    const wrapped = readWeights(
      renamed(file, (name) => `module.dinov2.${name}`),
      tower,
    ).weights;
    assert.deepEqual(Object.keys(plain), Object.keys(wrapped));
    for (const name of Object.keys(plain)) {
      assert.equal(largestDifference(plain[name]!, wrapped[name]!), 0, name);
    }
  });
  file.close();
});

test("each third of a joint tensor is put in its place", () => {
  const file = openGolden("hf_siglip.safetensors");
  tf.tidy(() => {
    const { weights } = readWeights(file, smallTower("ViT-B-16-SigLIP"));
    const joint = file.read("vision_model.head.attention.in_proj_weight");
    assert.deepEqual(weights["attn_pool.q.weight"]!.dataSync(), joint.slice(0, 64));
    assert.deepEqual(weights["attn_pool.kv.weight"]!.dataSync(), joint.slice(64));
    const query = "vision_model.encoder.layers.1.self_attn.q_proj.weight";
    const qkv = weights["transformer.resblocks.1.attn.in_proj_weight"]!.dataSync();
    assert.deepEqual(qkv.slice(0, 64), file.read(query));
  });
  file.close();
});

test("timm's classifier in place of proj is left out, a projection is kept", () => {
  const file = openGolden("timm_clip.safetensors");
  const tower = smallTower("ViT-B-32");
  for (const [rows, isProjection] of [
    [4, true],
    [1000, false],
  ] as const) {
    const head = { dtype: "F32", shape: [rows, 8] } as const;
    const tensors = new Map([...file.tensors, ["head.weight", { ...head, shape: [...head.shape] }]]);
    const { entries } = towerEntries("f", { ...file, tensors }, tower);
    assert.equal(
      entries.some(({ name }) => name === "proj"),
      isProjection,
    );
  }
  file.close();
});

test("the error about another model's tower describes it and names the models that it fits", () => {
  const shapes = new Map<string, number[]>();
  const { tensors } = openGolden("timm_dinov2.safetensors");
  // The shapes of DINOv2 ViT-B/14: width 768, 12 blocks, patches of 14 px, positions of 37 x 37 patches.
  const real: Record<number, number> = {
    8: 768,
    16: 4 * 768,
    24: 3 * 768,
    7: 14,
    17: 1 + 37 * 37,
    1: 1,
    3: 3,
  };
  for (const [name, { shape }] of tensors) {
    const grown = shape.map((size) => real[size]!);
    if (!name.startsWith("blocks.")) shapes.set(name, grown);
    else for (let i = 0; i < 12; i++) shapes.set(name.replace(/\d+/, String(i)), grown);
  }
  const file: TensorFile = {
    metadata: {},
    tensors: new Map([...shapes].map(([name, shape]) => [name, { dtype: "F32", shape }])),
    ...tensorReaders("large", new Map(), () => {}),
    close: () => {},
  };
  assert.equal(elementCount(shapes.get("pos_embed")!), 1370 * 768);
  assert.throws(
    () => towerEntries("large.bin", file, findTower("ViT-H-14")),
    /large\.bin does not fit ViT-H-14\. It holds a tower with timm's names: width 768, 12 blocks, patches of 14 px, 1370 positions; missing: norm_pre\.weight.*\n {2}Next: It fits --model dinov2-vit-b-14\./,
  );
  assert.doesNotThrow(() => towerEntries("large.bin", file, findTower("dinov2-vit-b-14")));
});

test("errors name missing, unexpected and unknown tensors by the file's own names", () => {
  const file = openGolden("hf_dinov2.safetensors");
  const tower = smallTower("dinov2-vit-s-14");
  const without = renamed(file, (name) => (name.endsWith("1.attention.attention.key.bias") ? null : name));
  assert.throws(
    () => towerEntries("f", without, tower),
    /missing: encoder\.layer\.1\.attention\.attention\.key\.bias[\s\S]*It fits no known model/,
  );
  const surplus = renamed(file, (name) => (name === "embeddings.mask_token" ? "embeddings.other" : name));
  assert.throws(() => towerEntries("f", surplus, tower), /unexpected: embeddings\.other\./);
  const unknown = renamed(file, (name) => name.replace("encoder", "decoder"));
  assert.throws(
    () => towerEntries("f", unknown, tower),
    /f holds no Vision Transformer under known names; it holds embeddings[\s\S]*open_clip, DINOv2, timm/,
  );
  file.close();
});
