// Reads the weights of an ONNX file: the initialisers (tensors) and the nodes that use them.

import { readFileSync } from "node:fs";
import protobuf from "protobufjs/light";
import { messageOf, UserError } from "../common/errors";
import { elementCount } from "../common/vectors";

/** A float32 tensor of an ONNX file. */
export interface OnnxTensor {
  shape: number[];
  /** Returns the numbers, row-major; a copy at every call. */
  values(): Float32Array;
}

/** The weights of an ONNX file and the nodes that use them. */
export interface OnnxModel {
  path: string;
  /** The float32 initialisers by name. */
  tensors: ReadonlyMap<string, OnnxTensor>;
  /** Names of each node's inputs (tensors or other nodes' outputs), by the node's name. */
  nodeInputs: ReadonlyMap<string, readonly string[]>;
}

/**
 * The fields that are read, with their numbers in ONNX's own onnx.proto; all others are skipped.
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
const SCHEMA = {
  ModelProto: { fields: { graph: { id: 7, type: "GraphProto" } } },
  GraphProto: {
    fields: {
      node: { id: 1, type: "NodeProto", rule: "repeated" },
      initializer: { id: 5, type: "TensorProto", rule: "repeated" },
    },
  },
  NodeProto: {
    fields: { input: { id: 1, type: "string", rule: "repeated" }, name: { id: 3, type: "string" } },
  },
  TensorProto: {
    fields: {
      dims: { id: 1, type: "int64", rule: "repeated" },
      dataType: { id: 2, type: "int32" },
      name: { id: 8, type: "string" },
      rawData: { id: 9, type: "bytes" },
    },
  },
} as const;

/** TensorProto.DataType.FLOAT */
const FLOAT = 1;
const FLOAT_BYTES = 4;

interface DecodedTensor {
  dims: unknown[];
  dataType: number;
  name: string;
  rawData: Uint8Array;
}
interface DecodedModel {
  graph?: { node: { input: string[]; name: string }[]; initializer: DecodedTensor[] };
}

/**
 * Reads an ONNX file (below 2 GB, weights inside the file).
 * @throws UserError if it is not one, or a float32 tensor's bytes do not fill its shape
 */
export function readOnnx(path: string): OnnxModel {
  const { graph } = decode(path);
  if (!graph || graph.initializer.length === 0) throw notOnnx(path, "it holds no graph with weights");
  const floats = graph.initializer.filter(({ dataType }) => dataType === FLOAT);
  return {
    path,
    tensors: new Map(floats.map((tensor) => [tensor.name, checkedTensor(path, tensor)])),
    nodeInputs: new Map(graph.node.map(({ name, input }) => [name, input])),
  };
}

function decode(path: string): DecodedModel {
  const type = protobuf.Root.fromJSON({ nested: SCHEMA }).lookupType("ModelProto");
  try {
    return type.decode(readFileSync(path)) as unknown as DecodedModel;
  } catch (error) {
    throw notOnnx(path, messageOf(error));
  }
}

function checkedTensor(path: string, { name, dims, rawData }: DecodedTensor): OnnxTensor {
  const shape = dims.map((size) => Number(String(size)));
  const expected = elementCount(shape) * FLOAT_BYTES;
  if (rawData.length !== expected) {
    throw notOnnx(path, `tensor "${name}" [${shape}] takes ${expected} bytes, found ${rawData.length}`);
  }
  return { shape, values: () => new Float32Array(Uint8Array.from(rawData).buffer) };
}

/**
 * Returns a tensor by its name.
 * @throws UserError if there is none
 */
export function onnxTensor(model: OnnxModel, name: string): OnnxTensor {
  const tensor = model.tensors.get(name);
  if (tensor) return tensor;
  throw notOnnx(model.path, `expected a float32 tensor "${name}", there is none`);
}

/**
 * Returns the only weight among a node's inputs. Exporters rename matrices (`onnx::MatMul_1966`) but not the nodes that
 * use them (`.../attention/key/MatMul`): only the node tells the purpose of a matrix.
 * @throws UserError if there is no such node, or it has no weight
 */
export function onnxWeightOf(model: OnnxModel, node: string): OnnxTensor {
  const name = model.nodeInputs.get(node)?.find((input) => model.tensors.has(input));
  if (name === undefined)
    throw notOnnx(model.path, `expected a node "${node}" with a float32 weight, there is none`);
  return onnxTensor(model, name);
}

function notOnnx(path: string, fault: string): UserError {
  return new UserError(
    `${path} is not the ONNX file that was expected: ${fault}.`,
    `Delete ${path} and run again.`,
  );
}
