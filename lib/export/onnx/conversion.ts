// Conversion of a traced function to ONNX, node by node.
import { UserError } from "../../common/errors";
import type { Attribute } from "../../engine/graph/attributes";
import { describeTensor, type GraphNode, type GraphTensor } from "../../engine/graph/graph";
import type { TensorValue } from "../../engine/native/host_tensor";
import type { GraphFunction } from "../../engine/program/graph_function";
import type { OnnxAttribute, OnnxNode, OnnxTensor, OnnxValue } from "./protos";

/** A converted graph; its weights are still in the program's variables. */
export interface ConvertedGraph {
  nodes: OnnxNode[];
  constants: OnnxTensor[];
  /** Variables by name, with dtype and shape: they become initializers of the same names. */
  weights: Map<string, GraphTensor>;
  inputs: OnnxValue[];
  outputs: OnnxValue[];
}

/** Adds the ONNX nodes for a TensorFlow node and returns its outputs' names. */
export type Mapping = (node: GraphNode, conversion: Conversion) => string | string[];

/**
 * Converts a traced function.
 * @param mappings by TensorFlow operation
 * @param outputs names of the results, in the function's order
 * @throws UserError naming an operation without a mapping, and its node
 */
export function convertGraph(
  traced: GraphFunction,
  mappings: Readonly<Record<string, Mapping>>,
  outputs: readonly string[],
): ConvertedGraph {
  const conversion = new Conversion(traced, mappings);
  const { inputs, fetches } = traced.parts;
  const results = fetches.map((fetch, i) => {
    conversion.emit("Identity", [conversion.nameOf(fetch)], {}, [outputs[i]!]);
    return describeValue(outputs[i]!, fetch);
  });
  return {
    nodes: conversion.nodes,
    constants: conversion.constants,
    weights: conversion.weights,
    inputs: Object.entries(inputs).map(([name, input]) => describeValue(name, input)),
    outputs: results,
  };
}

/** Describes an input or output; an open first length is named `batch`. */
function describeValue(name: string, { dtype, shape }: GraphTensor): OnnxValue {
  return { name, dtype, shape: shape!.map((length, i) => length ?? (i === 0 ? "batch" : `length${i}`)) };
}

/** The state of a conversion, as mappings use it. */
export class Conversion {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxTensor[] = [];
  readonly weights = new Map<string, GraphTensor>();
  readonly #mappings: Readonly<Record<string, Mapping>>;
  readonly #names = new Map<GraphTensor, string>();
  readonly #uses = new Map<GraphTensor, number>();
  readonly #root: string;
  #scope = "";
  #count = 0;

  constructor(traced: GraphFunction, mappings: Readonly<Record<string, Mapping>>) {
    this.#mappings = mappings;
    const { inputs, fetches, root } = traced.parts;
    this.#root = root;
    for (const [name, input] of Object.entries(inputs)) this.#names.set(input, name);
    const used = [...traced.nodes.flatMap((node) => node.inputs), ...fetches];
    for (const tensor of used) this.#uses.set(tensor, (this.#uses.get(tensor) ?? 0) + 1);
  }

  /** Returns a tensor's ONNX name; the first call adds the nodes that compute it. */
  nameOf(tensor: GraphTensor): string {
    const known = this.#names.get(tensor);
    if (known !== undefined) return known;
    this.#convert(tensor.node);
    return this.#names.get(tensor)!;
  }

  /** Returns whether only one node uses a tensor, so that both may be fused. */
  isUsedOnce(tensor: GraphTensor): boolean {
    return this.#uses.get(tensor) === 1;
  }

  /** Adds an ONNX node. @returns its first output's name */
  emit(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    output: readonly string[] = [this.freshName()],
  ): string {
    this.nodes.push({ name: `${this.#scope}/${opType}_${this.#count++}`, opType, input, output, attributes });
    return output[0]!;
  }

  /** Returns an unused name for an output. */
  freshName(): string {
    return `${this.#scope}:${this.#count++}`;
  }

  /** Adds a constant. @returns its name */
  constant(dtype: "int64" | "float32", values: readonly number[], shape = [values.length]): string {
    const data = dtype === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
    return this.#constant({ dtype, shape, data });
  }

  /** Returns the name of the tensor's values as int64, the dtype of ONNX's shapes and axes. */
  int64(tensor: GraphTensor): string {
    const values = constantOf(tensor);
    if (values) return this.constant("int64", values, [...(tensor.shape as number[])]);
    return this.emit("Cast", [this.nameOf(tensor)], { to: 7 });
  }

  /** Returns the values of a constant input. @throws UserError if the input is not a constant */
  values(node: GraphNode, index: number): number[] {
    const values = constantOf(node.inputs[index]!);
    if (values) return values;
    throw unsupported(node, `its input ${index} is not a constant`);
  }

  #convert(node: GraphNode): void {
    const outer = this.#scope;
    this.#scope = node.name.startsWith(this.#root) ? node.name.slice(this.#root.length) : node.name;
    const names = this.#outputsOf(node);
    for (const [i, name] of [names].flat().entries()) this.#names.set(node.outputs[i]!, name);
    this.#scope = outer;
  }

  #outputsOf(node: GraphNode): string | string[] {
    if (node.op === "Const") return this.#constant(node.attributes.value as TensorValue);
    if (node.op === "ReadVariableOp") {
      const name = node.inputs[0]!.node.attributes.shared_name as string;
      this.weights.set(name, node.outputs[0]!);
      return name;
    }
    const mapping = this.#mappings[node.op];
    if (!mapping) throw unsupported(node, "there is no mapping for it");
    return mapping(node, this);
  }

  #constant({ dtype, shape, data }: TensorValue): string {
    const { buffer, byteOffset, byteLength } = data as Float32Array;
    const name = this.freshName();
    this.constants.push({ name, dtype, shape, rawData: new Uint8Array(buffer, byteOffset, byteLength) });
    return name;
  }
}

/** Returns the values of a Const node; undefined for any other. */
export function constantOf({ node }: GraphTensor): number[] | undefined {
  if (node.op !== "Const") return undefined;
  return Array.from((node.attributes.value as TensorValue).data as Float32Array, Number);
}

/** Returns a node's attribute, or its default. */
export function attributeOf(node: GraphNode, name: string): Attribute | undefined {
  const standard = node.definition.attr.find((attr) => attr.name === name)?.defaultValue;
  return node.attributes[name] ?? standard?.b ?? standard?.i ?? standard?.f;
}

/** Makes the error for a node that cannot be converted. */
export function unsupported(node: GraphNode, fault: string): UserError {
  const inputs = node.inputs.map(describeTensor).join(", ");
  return new UserError(
    `The node ${node.name}, ${node.op}(${inputs}), has no counterpart in ONNX here: ${fault}.`,
    "Add it to lib/export/onnx/mappings.ts, or export a SavedModel.",
  );
}
