// Weights from ONNX files.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { onnxTensor, onnxWeightOf, readOnnx } from "guie/dist/formats/onnx";

const folder = mkdtempSync(join(tmpdir(), "guie-onnx-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Encodes a length-delimited protobuf field (all here are shorter than 128 bytes). */
function field(id: number, content: Uint8Array | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([(id << 3) | 2, bytes.length]), bytes]);
}

/** Encodes a TensorProto: dims 1, data_type 2, name 8, raw_data 9. */
function tensorProto(name: string, dims: number[], dataType: number, rawData: Uint8Array): Buffer {
  return Buffer.concat([
    field(1, Buffer.from(dims)),
    Buffer.from([2 << 3, dataType]),
    field(8, name),
    field(9, rawData),
  ]);
}

/** Encodes a ModelProto (graph 7) with initializers 5 and one MatMul node 1. */
function modelFile(fileName: string, ...initializers: Buffer[]): string {
  const node = Buffer.concat([
    field(1, "x"),
    field(1, "w"),
    field(2, "y"),
    field(3, "/dense/MatMul"),
    field(4, "MatMul"),
  ]);
  const graph = Buffer.concat([field(1, node), ...initializers.map((bytes) => field(5, bytes))]);
  const path = join(folder, fileName);
  writeFileSync(path, field(7, graph));
  return path;
}

const FLOATS = new Uint8Array(Float32Array.of(1.5, -2).buffer);

test("float32 tensors are read, and found through the node that uses them", () => {
  const indices = tensorProto("indices", [1], 7, new Uint8Array(8));
  const model = readOnnx(modelFile("good.onnx", tensorProto("w", [2, 1], 1, FLOATS), indices));
  assert.deepEqual([...model.tensors.keys()], ["w"]);
  assert.deepEqual(onnxTensor(model, "w").shape, [2, 1]);
  assert.deepEqual([...onnxWeightOf(model, "/dense/MatMul").values()], [1.5, -2]);
  assert.throws(
    () => onnxWeightOf(model, "/other/MatMul"),
    /expected a node "\/other\/MatMul" with a float32 weight/,
  );
  assert.throws(() => onnxTensor(model, "v"), /expected a float32 tensor "v", there is none/);
});

test("a tensor whose bytes do not fill its shape is refused", () => {
  const path = modelFile("short.onnx", tensorProto("w", [3], 1, FLOATS));
  assert.throws(() => readOnnx(path), /short\.onnx[\s\S]*tensor "w" \[3\] takes 12 bytes, found 8/);
});

test("a cut file and a file of another kind are refused", () => {
  const path = join(folder, "cut.onnx");
  writeFileSync(path, field(7, tensorProto("w", [2], 1, FLOATS)).subarray(0, 12));
  assert.throws(() => readOnnx(path), /cut\.onnx is not the ONNX file that was expected/);
  writeFileSync(path, "a text, and no protobuf at all");
  assert.throws(() => readOnnx(path), /cut\.onnx is not the ONNX file that was expected/);
});
