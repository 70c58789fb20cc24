// A traced function's nodes, one by one, as ONNX nodes.
import { UserError } from "../../common/errors";
import type { Attribute } from "../../engine/graph/attributes";
import { describeTensor, type GraphNode, type GraphTensor } from "../../engine/graph/graph";
import type { TensorValue } from "../../engine/native/host_tensor";
import type { GraphFunction } from "../../engine/program/graph_function";
import type { OnnxAttribute, OnnxNode, OnnxTensor, OnnxValue } from "./protos";

/** What a conversion gives: a graph whose weights are still in the program's variables. */
export interface ConvertedGraph {
  nodes: OnnxNode[];
  /** Constants. */
  constants: OnnxTensor[];
  /** Variables by name, with their dtypes and shapes: they become initializers of the same names. */
  weights: Map<string, GraphTensor>;
  inputs: OnnxValue[];
  outputs: OnnxValue[];
}

/** Adds what stands for a node of TensorFlow's, and returns the names of its outputs. */
export type Mapping = (node: GraphNode, conversion: Conversion) => string | string[];

/**
 * Converts a function.
 * @param mappings by TensorFlow's operations
 * @param outputs names of the results, in the order in which the function returns them
 * @throws UserError naming the operation and the node for which there is no mapping
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

/** The open first length is called `batch`. */
function describeValue(name: string, { dtype, shape }: GraphTensor): OnnxValue {
  return { name, dtype, shape: shape!.map((length, i) => length ?? (i === 0 ? "batch" : `length${i}`)) };
}

/** A conversion under way: what mappings see of it. */
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

  /** The ONNX name of a tensor; what computes it is added when it is first asked for. */
  nameOf(tensor: GraphTensor): string {
    const known = this.#names.get(tensor);
    if (known !== undefined) return known;
    this.#convert(tensor.node);
    return this.#names.get(tensor)!;
  }

  /** Whether exactly one node uses a tensor, which may therefore take it in. */
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

  /** A name for an output. */
  freshName(): string {
    return `${this.#scope}:${this.#count++}`;
  }

  /** Adds a constant. @returns its name */
  constant(dtype: "int64" | "float32", values: readonly number[], shape = [values.length]): string {
    const data = dtype === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
    return this.#constant({ dtype, shape, data });
  }

  /** The tensor's values as int64, as ONNX takes shapes and axes. */
  int64(tensor: GraphTensor): string {
    const values = constantOf(tensor);
    if (values) return this.constant("int64", values, [...(tensor.shape as number[])]);
    return this.emit("Cast", [this.nameOf(tensor)], { to: 7 });
  }

  /** The values of a constant input. @throws UserError for one that only a run knows */
  values(node: GraphNode, index: number): number[] {
    const values = constantOf(node.inputs[index]!);
    if (values) return values;
    throw unsupported(node, `its input ${index} is no constant`);
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

/** The values of a Const node, undefined for any other. */
export function constantOf({ node }: GraphTensor): number[] | undefined {
  if (node.op !== "Const") return undefined;
  return Array.from((node.attributes.value as TensorValue).data as Float32Array, Number);
}

/** The attribute of a node, or its default. */
export function attributeOf(node: GraphNode, name: string): Attribute | undefined {
  const standard = node.definition.attr.find((attr) => attr.name === name)?.defaultValue;
  return node.attributes[name] ?? standard?.b ?? standard?.i ?? standard?.f;
}

/** What an ONNX file cannot hold. */
export function unsupported(node: GraphNode, fault: string): UserError {
  const inputs = node.inputs.map(describeTensor).join(", ");
  return new UserError(
    `The node ${node.name}, ${node.op}(${inputs}), has no counterpart in ONNX here: ${fault}.`,
    "Add it to lib/export/onnx/mappings.ts, or export a SavedModel.",
  );
}
