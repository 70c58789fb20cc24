// The table of conversions: TensorFlow operation -> ONNX operation (opset 17), one row each.
// https://github.com/onnx/onnx/blob/main/docs/Operators.md

import type { GraphNode } from "../../engine/graph/graph";
import type { DType } from "../../engine/native/dtypes";
import { attributeOf, type Conversion, type Mapping, unsupported } from "./conversion";
import { gelu } from "./gelu";
import { onnxType } from "./protos";

/** End of a slice that runs to the end of its axis. */
const TO_THE_END = Number.MAX_SAFE_INTEGER;

/** Maps to an operation with the same inputs and another name. */
const renamed =
  (opType: string): Mapping =>
  (node, c) =>
    c.emit(
      opType,
      node.inputs.map((input) => c.nameOf(input)),
    );

/** Maps a reduction over constant axes. */
const reduction =
  (opType: string): Mapping =>
  (node, c) => {
    const keepdims = attributeOf(node, "keep_dims") ? 1 : 0;
    const x = c.nameOf(node.inputs[0]!);
    // ReduceSum alone takes its axes as an input in this opset
    if (opType === "ReduceSum") return c.emit(opType, [x, c.int64(node.inputs[1]!)], { keepdims });
    return c.emit(opType, [x], { axes: c.values(node, 1), keepdims });
  };

/** Emits the product of two matrices plus `added`. */
function gemm(product: GraphNode, c: Conversion, added: string[] = []): string {
  const [a, b] = product.inputs.map((input) => c.nameOf(input));
  const transA = attributeOf(product, "transpose_a") ? 1 : 0;
  const transB = attributeOf(product, "transpose_b") ? 1 : 0;
  return c.emit("Gemm", [a!, b!, ...added], { transA, transB });
}

const biasAdd: Mapping = (node, c) => {
  const [x, bias] = node.inputs;
  if (x!.node.op === "MatMul" && c.isUsedOnce(x!)) return gemm(x!.node, c, [c.nameOf(bias!)]);
  return renamed("Add")(node, c);
};

const batchMatMul: Mapping = (node, c) => {
  const operands = node.inputs.map((input, i) => {
    if (!attributeOf(node, i === 0 ? "adj_x" : "adj_y")) return c.nameOf(input);
    const perm = input.shape!.map((_, axis) => axis);
    perm.push(perm.splice(-2, 1)[0]!);
    return c.emit("Transpose", [c.nameOf(input)], { perm });
  });
  return c.emit("MatMul", operands);
};

const concat: Mapping = (node, c) => {
  const tensors = node.inputs.slice(0, -1).map((input) => c.nameOf(input));
  return c.emit("Concat", tensors, { axis: c.values(node, node.inputs.length - 1)[0]! });
};

function split(node: GraphNode, c: Conversion, inputs: string[], axis: number): string[] {
  const names = node.outputs.map(() => c.freshName());
  c.emit("Split", inputs, { axis }, names);
  return names;
}

const unpack: Mapping = (node, c) => {
  const axis = attributeOf(node, "axis") as number;
  const axes = c.constant("int64", [axis]);
  const parts = split(node, c, [c.nameOf(node.inputs[0]!)], axis);
  return parts.map((part) => c.emit("Squeeze", [part, axes]));
};

const pack: Mapping = (node, c) => {
  const axis = attributeOf(node, "axis") as number;
  const axes = c.constant("int64", [axis]);
  const rows = node.inputs.map((input) => c.emit("Unsqueeze", [c.nameOf(input), axes]));
  return c.emit("Concat", rows, { axis });
};

/** Slice: TensorFlow gives begin and size (-1: the rest), ONNX takes starts and ends. */
const slice: Mapping = (node, c) => {
  const [x, begin, size] = node.inputs;
  const starts = c.int64(begin!);
  if (size!.node.op !== "Const") {
    return c.emit("Slice", [c.nameOf(x!), starts, c.emit("Add", [starts, c.int64(size!)])]);
  }
  const from = c.values(node, 1);
  const ends = c.values(node, 2).map((length, i) => (length === -1 ? TO_THE_END : from[i]! + length));
  return c.emit("Slice", [c.nameOf(x!), starts, c.constant("int64", ends)]);
};

/** StridedSlice, limited to plain ranges and single positions of the first axes. */
const stridedSlice: Mapping = (node, c) => {
  const [begin, end, strides] = [1, 2, 3].map((index) => c.values(node, index)) as [
    number[],
    number[],
    number[],
  ];
  const masks = Object.fromEntries(
    ["begin", "end", "ellipsis", "new_axis", "shrink_axis"].map((kind) => [
      kind,
      attributeOf(node, `${kind}_mask`) as number,
    ]),
  );
  if (masks.ellipsis || masks.new_axis || strides.some((stride) => stride !== 1))
    throw unsupported(node, "its strides or masks are not plain ranges");
  const has = (mask: number, axis: number) => (mask & (1 << axis)) !== 0;
  const starts = begin.map((from, axis) => (has(masks.begin!, axis) ? 0 : from));
  const ends = end.map((to, axis) => {
    if (has(masks.shrink_axis!, axis)) return begin[axis] === -1 ? TO_THE_END : begin[axis]! + 1;
    return has(masks.end!, axis) ? TO_THE_END : to;
  });
  const axes = begin.map((_, axis) => axis);
  const lists = [starts, ends, axes].map((list) => c.constant("int64", list));
  const cut = c.emit("Slice", [c.nameOf(node.inputs[0]!), ...lists]);
  const dropped = axes.filter((axis) => has(masks.shrink_axis!, axis));
  return dropped.length > 0 ? c.emit("Squeeze", [cut, c.constant("int64", dropped)]) : cut;
};

const reverse: Mapping = (node, c) => {
  const axes = c.values(node, 1);
  const list = (value: number) =>
    c.constant(
      "int64",
      axes.map(() => value),
    );
  const inputs = [
    c.nameOf(node.inputs[0]!),
    list(-1),
    list(-TO_THE_END),
    c.constant("int64", axes),
    list(-1),
  ];
  return c.emit("Slice", inputs);
};

const gather: Mapping = (node, c) => {
  if (attributeOf(node, "batch_dims")) throw unsupported(node, "it gathers in batches");
  const [x, indices] = node.inputs.map((input) => c.nameOf(input));
  return c.emit("Gather", [x!, indices!], { axis: c.values(node, 2)[0]! });
};

const cast: Mapping = (node, c) => {
  const name = c.nameOf(node.inputs[0]!);
  const dtype = node.attributes.DstT as DType;
  return dtype === node.inputs[0]!.dtype ? name : c.emit("Cast", [name], { to: onnxType(dtype) });
};

/** Maps an operation whose second input (shape, axes or repeats) becomes int64. */
const withLengths =
  (opType: string): Mapping =>
  ({ inputs }, c) =>
    c.emit(opType, [c.nameOf(inputs[0]!), c.int64(inputs[1]!)]);

const layerNorm: Mapping = (node, c) => {
  const inputs = node.inputs.map((input) => c.nameOf(input));
  const epsilon = attributeOf(node, "epsilon") as number;
  return c.emit("LayerNormalization", inputs, { axis: -1, epsilon: { float: epsilon } });
};

/** All operations that an exported model may contain. */
export const MAPPINGS: Readonly<Record<string, Mapping>> = {
  Identity: (node, c) => c.nameOf(node.inputs[0]!),
  Add: renamed("Add"),
  AddV2: renamed("Add"),
  Sub: renamed("Sub"),
  Mul: (node, c) => gelu(node, c) ?? renamed("Mul")(node, c),
  RealDiv: renamed("Div"),
  Maximum: renamed("Max"),
  Minimum: renamed("Min"),
  Neg: renamed("Neg"),
  Square: ({ inputs: [x] }, c) => c.emit("Mul", [c.nameOf(x!), c.nameOf(x!)]),
  Sqrt: renamed("Sqrt"),
  Rsqrt: ({ inputs: [x] }, c) => c.emit("Reciprocal", [c.emit("Sqrt", [c.nameOf(x!)])]),
  Exp: renamed("Exp"),
  Pow: renamed("Pow"),
  Erf: renamed("Erf"),
  Tanh: renamed("Tanh"),
  Sigmoid: renamed("Sigmoid"),
  Softmax: ({ inputs: [x] }, c) => c.emit("Softmax", [c.nameOf(x!)], { axis: -1 }),
  MatMul: (node, c) => gemm(node, c),
  BatchMatMulV2: batchMatMul,
  BiasAdd: biasAdd,
  _MklLayerNorm: layerNorm,
  Mean: reduction("ReduceMean"),
  Sum: reduction("ReduceSum"),
  Max: reduction("ReduceMax"),
  Reshape: withLengths("Reshape"),
  Tile: withLengths("Tile"),
  BroadcastTo: withLengths("Expand"),
  ExpandDims: withLengths("Unsqueeze"),
  Squeeze: (node, c) => {
    const axes = c.constant("int64", attributeOf(node, "squeeze_dims") as number[]);
    return c.emit("Squeeze", [c.nameOf(node.inputs[0]!), axes]);
  },
  Transpose: (node, c) => c.emit("Transpose", [c.nameOf(node.inputs[0]!)], { perm: c.values(node, 1) }),
  ConcatV2: concat,
  Split: (node, c) => split(node, c, [c.nameOf(node.inputs[1]!)], c.values(node, 0)[0]!),
  SplitV: (node, c) => {
    const inputs = [c.nameOf(node.inputs[0]!), c.int64(node.inputs[1]!)];
    return split(node, c, inputs, c.values(node, 2)[0]!);
  },
  Pack: pack,
  Unpack: unpack,
  Slice: slice,
  StridedSlice: stridedSlice,
  ReverseV2: reverse,
  GatherV2: gather,
  Shape: (node, c) =>
    c.emit("Cast", [c.emit("Shape", [c.nameOf(node.inputs[0]!)])], { to: onnxType("int32") }),
  Fill: ({ inputs: [lengths, value] }, c) => c.emit("Expand", [c.nameOf(value!), c.int64(lengths!)]),
  Cast: cast,
};
