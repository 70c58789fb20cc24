// ONNX's protocol buffers, limited to the fields that are written here.
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
import protobuf from "protobufjs/light";
import { UserError } from "../../common/errors";
import type { DType } from "../../engine/native/dtypes";

const repeated = (type: string, id: number) => ({ rule: "repeated", type, id });
const field = (type: string, id: number) => ({ type, id });

const SCHEMA = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: field("int64", 1),
        opsetImport: repeated("OperatorSetId", 8),
        producerName: field("string", 2),
        graph: field("GraphProto", 7),
      },
    },
    OperatorSetId: { fields: { domain: field("string", 1), version: field("int64", 2) } },
    GraphProto: {
      fields: {
        node: repeated("NodeProto", 1),
        name: field("string", 2),
        initializer: repeated("TensorProto", 5),
        input: repeated("ValueInfo", 11),
        output: repeated("ValueInfo", 12),
      },
    },
    NodeProto: {
      fields: {
        input: repeated("string", 1),
        output: repeated("string", 2),
        name: field("string", 3),
        opType: field("string", 4),
        attribute: repeated("AttributeProto", 5),
      },
    },
    AttributeProto: {
      fields: {
        name: field("string", 1),
        f: field("float", 2),
        i: field("int64", 3),
        ints: repeated("int64", 8),
        type: field("int32", 20),
      },
    },
    TensorProto: {
      fields: {
        dims: repeated("int64", 1),
        dataType: field("int32", 2),
        name: field("string", 8),
        rawData: field("bytes", 9),
        externalData: repeated("KeyValue", 13),
        dataLocation: field("int32", 14),
      },
    },
    KeyValue: { fields: { key: field("string", 1), value: field("string", 2) } },
    ValueInfo: { fields: { name: field("string", 1), type: field("TypeProto", 2) } },
    TypeProto: { fields: { tensorType: field("TensorType", 1) } },
    TensorType: { fields: { elemType: field("int32", 1), shape: field("Shape", 2) } },
    Shape: { fields: { dim: repeated("Dim", 1) } },
    // `oneof` makes a length of 0 differ from no length
    Dim: {
      oneofs: { value: { oneof: ["dimValue", "dimParam"] } },
      fields: { dimValue: field("int64", 1), dimParam: field("string", 2) },
    },
  },
});

/** A node's attribute: a whole number, a list of them, or `{ float }`. */
export type OnnxAttribute = number | readonly number[] | { float: number };

/** `NodeProto`. */
export interface OnnxNode {
  name: string;
  opType: string;
  input: readonly string[];
  output: readonly string[];
  attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** `TensorProto`; its bytes are inside, or in another file. */
export interface OnnxTensor {
  name: string;
  dtype: DType;
  shape: readonly number[];
  rawData?: Uint8Array;
  external?: { location: string; offset: number; length: number };
}

/** `ValueInfoProto`: an input or output; a string names a length that is only known at run time. */
export interface OnnxValue {
  name: string;
  dtype: DType;
  shape: readonly (number | string)[];
}

/** A graph to be written. */
export interface OnnxGraph {
  nodes: readonly OnnxNode[];
  initializers: readonly OnnxTensor[];
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
}

/** `TensorProto.DataType` */
const DATA_TYPES: Partial<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

/** `AttributeProto.AttributeType` */
const ATTRIBUTE_TYPES = { float: 1, int: 2, ints: 7 };

/** The last opset whose reductions take axes as attributes; onnxruntime supports it since 1.12. */
const OPSET = 17;
const IR_VERSION = 8;
/** `TensorProto.DataLocation.EXTERNAL` */
const EXTERNAL = 1;

/** Returns ONNX's number of a dtype. @throws UserError if ONNX lacks the dtype */
export function onnxType(dtype: DType): number {
  const type = DATA_TYPES[dtype];
  if (type === undefined) throw new UserError(`ONNX has no tensors of dtype ${dtype}.`);
  return type;
}

/** Returns the bytes of a `ModelProto`. */
export function encodeOnnx({ nodes, initializers, inputs, outputs }: OnnxGraph): Uint8Array {
  const model = {
    irVersion: IR_VERSION,
    opsetImport: [{ domain: "", version: OPSET }],
    producerName: "guie",
    graph: {
      name: "embedding",
      node: nodes.map(({ attributes, ...node }) => ({ ...node, attribute: attributeProtos(attributes) })),
      initializer: initializers.map(tensorProto),
      input: inputs.map(valueProto),
      output: outputs.map(valueProto),
    },
  };
  return SCHEMA.lookupType("ModelProto").encode(model).finish();
}

function attributeProtos(attributes: OnnxNode["attributes"]): object[] {
  return Object.entries(attributes).map(([name, value]) => {
    if (typeof value === "number") return { name, i: value, type: ATTRIBUTE_TYPES.int };
    if ("float" in value) return { name, f: value.float, type: ATTRIBUTE_TYPES.float };
    return { name, ints: value, type: ATTRIBUTE_TYPES.ints };
  });
}

function tensorProto({ name, dtype, shape, rawData, external }: OnnxTensor): object {
  const tensor = { name, dataType: onnxType(dtype), dims: shape };
  if (!external) return { ...tensor, rawData };
  const entries = Object.entries(external).map(([key, value]) => ({ key, value: String(value) }));
  return { ...tensor, externalData: entries, dataLocation: EXTERNAL };
}

function valueProto({ name, dtype, shape }: OnnxValue): object {
  const dim = shape.map((length) =>
    typeof length === "number" ? { dimValue: length } : { dimParam: length },
  );
  return { name, type: { tensorType: { elemType: onnxType(dtype), shape: { dim } } } };
}
