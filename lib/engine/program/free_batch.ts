// Makes a graph for any batch size. tfjs code needs fixed shapes and writes them into the graph as constants. So the
// same function is traced for two batch sizes: the lengths that differ depend on the batch.
import { UserError } from "../../common/errors";
import type { Attribute } from "../graph/attributes";
import type { Graph, GraphNode, GraphTensor } from "../graph/graph";
import { type CopyOf, copyNodes } from "../graph/graph_copy";
import type { TensorValue } from "../native/host_tensor";
import { GraphFunction, type TensorTree } from "./graph_function";

/** Primes larger than other lengths in a graph: a length that is a multiple of both, by trace, follows the batch. */
const BATCH_SIZES = [1009, 1013] as const;

/**
 * Makes a function for any batch size from one that is traced for fixed sizes. The batch is the first dimension of
 * the inputs that have it. Call it outside of traces.
 * @param name scope of the new nodes
 * @param traceAt traces the function for a batch size, each time in the same program; tracing computes nothing
 * @throws UserError naming a node that depends on the batch in another way than through lengths
 */
export function withFreeBatch<Names extends string, Result extends TensorTree>(
  name: string,
  traceAt: (batch: number) => GraphFunction<Names, Result>,
): GraphFunction<Names, Result> {
  const [first, second] = BATCH_SIZES.map(traceAt) as [
    GraphFunction<Names, Result>,
    GraphFunction<Names, Result>,
  ];
  const pairs = pairNodes(first, second);
  const { graph, root } = first.parts;
  const rename = (inner: string) => `${name}/${inner.slice(root.length)}`;
  const sizes = new BatchLengths(graph, name);
  const copyOf = copyNodes(first.nodes, graph, rename, (node, copyOf) => {
    if (node.op === "VarHandleOp") return node.outputs;
    const twin = pairs.get(node)!;
    if (node.op === "Placeholder") return [sizes.freePlaceholder(node, twin, rename(node.name))];
    if (node.op === "Const" && !sameAttribute(node.attributes.value!, twin.attributes.value!))
      return [sizes.lengths(node, twin)];
    return node.op === "Reshape" ? reshaped(graph, node, twin, copyOf, rename) : undefined;
  });
  const { inputs, fetches } = first.parts;
  return new GraphFunction<Names, Result>({
    ...first.parts,
    owner: name,
    root: `${name}/`,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, copyOf(input)])),
    fetches: fetches.map(copyOf),
  });
}

/** Pairs the nodes of one trace with those of the other. @throws UserError where they differ in more than lengths */
function pairNodes(first: GraphFunction, second: GraphFunction): Map<GraphNode, GraphNode> {
  const [nodes, twins] = [first.nodes, second.nodes];
  const pairs = new Map(nodes.map((node, i) => [node, twins[i]!]));
  for (const [node, twin] of pairs) {
    const isTwin =
      node.op === twin?.op &&
      node.inputs.length === twin.inputs.length &&
      node.inputs.every(({ node: from, index }, i) => {
        const input = twin.inputs[i]!;
        return pairs.get(from) === input.node && index === input.index;
      }) &&
      Object.entries(node.attributes).every(
        ([key, value]) =>
          (node.op === "Const" && key === "value") ||
          (node.op === "Placeholder" && key === "shape") ||
          sameAttribute(value, twin.attributes[key]!),
      );
    if (!isTwin || nodes.length !== twins.length) throw batchError(node);
  }
  return pairs;
}

function sameAttribute(a: Attribute, b: Attribute): boolean {
  const text = (value: Attribute) =>
    JSON.stringify(value, (_, item) =>
      ArrayBuffer.isView(item) ? Array.from(item as Uint8Array, String) : item,
    );
  return a === b || text(a) === text(b);
}

function batchError(node: GraphNode): UserError {
  return new UserError(
    `${node.name} (${node.op}) depends on the batch size in a way that a graph for any batch size cannot express.`,
    "Write that part so that the batch size appears only in shapes.",
  );
}

/** Makes a reshape with -1 for the length that follows the batch; undefined unless exactly one length does. */
function reshaped(
  graph: Graph,
  node: GraphNode,
  twin: GraphNode,
  copyOf: CopyOf,
  rename: (name: string) => string,
): readonly GraphTensor[] | undefined {
  const [shape, other] = [node.outputs[0]!.shape, twin.outputs[0]!.shape];
  if (!shape?.every((length) => length !== null)) return undefined;
  const free = shape.map((length, i) => (length === other?.[i] ? length : -1));
  if (free.filter((length) => length === -1).length !== 1) return undefined;
  const data = Int32Array.from(free);
  const value: TensorValue = { dtype: "int32", shape: [data.length], data };
  const name = rename(node.name);
  const lengths = graph.addNode("Const", [], {
    name: `${name}/shape`,
    attributes: { dtype: "int32", value },
  });
  return graph.addNode("Reshape", [copyOf(node.inputs[0]!), lengths.outputs[0]!], { name }).outputs;
}

/** Adds nodes that compute lengths that follow the batch when the graph runs. */
class BatchLengths {
  readonly #graph: Graph;
  readonly #scope: string;
  #batch: GraphTensor | undefined;
  readonly #multiples = new Map<number, GraphTensor>();

  constructor(graph: Graph, scope: string) {
    this.#graph = graph;
    this.#scope = `${scope}/batch`;
  }

  /** Adds an input with an open batch size. */
  freePlaceholder(node: GraphNode, twin: GraphNode, name: string): GraphTensor {
    const [shape, other] = [node.attributes.shape, twin.attributes.shape] as (number | null)[][];
    const free = shape!.map((length, i) => (length === other![i] ? length : null));
    const attributes = { ...node.attributes, shape: free };
    const input = this.#graph.addNode("Placeholder", [], { name, attributes }).outputs[0]!;
    if (sameAttribute(shape!, other!)) return input;
    const isBatch = shape![0] === BATCH_SIZES[0] && sameAttribute(shape!.slice(1), other!.slice(1));
    if (!isBatch) throw batchError(node);
    this.#batch ??= this.#firstLength(input);
    return input;
  }

  /** Adds a number or a list of numbers, some of them multiples of the batch. */
  lengths(node: GraphNode, twin: GraphNode): GraphTensor {
    const [value, other] = [node.attributes.value, twin.attributes.value] as TensorValue[];
    if (value!.dtype !== "int32" || value!.shape.length > 1 || !sameAttribute(value!.shape, other!.shape))
      throw batchError(node);
    const items = Array.from(value!.data as Int32Array, (length, i) =>
      length === other!.data[i]
        ? this.#constant(length)
        : this.#multiple(node, length, Number(other!.data[i])),
    );
    if (value!.shape.length === 0) return items[0]!;
    return this.#graph.addNode("Pack", items, { name: `${this.#scope}/Pack` }).outputs[0]!;
  }

  #multiple(node: GraphNode, length: number, other: number): GraphTensor {
    const factor = length / BATCH_SIZES[0];
    if (!Number.isInteger(factor) || factor !== other / BATCH_SIZES[1] || !this.#batch)
      throw batchError(node);
    if (factor === 1) return this.#batch;
    const inputs = [this.#batch, this.#constant(factor)];
    const made =
      this.#multiples.get(factor) ??
      this.#graph.addNode("Mul", inputs, { name: `${this.#scope}/times${factor}` }).outputs[0]!;
    this.#multiples.set(factor, made);
    return made;
  }

  #firstLength(input: GraphTensor): GraphTensor {
    const named = (op: string) => ({ name: `${this.#scope}/${op}` });
    const shape = this.#graph.addNode("Shape", [input], named("Shape")).outputs[0]!;
    const inputs = [shape, this.#constant([0]), this.#constant([1]), this.#constant([1])];
    const attributes = { shrink_axis_mask: 1 };
    return this.#graph.addNode("StridedSlice", inputs, { ...named("StridedSlice"), attributes }).outputs[0]!;
  }

  #constant(lengths: number | number[]): GraphTensor {
    const data = Int32Array.from([lengths].flat());
    const value: TensorValue = { dtype: "int32", shape: Array.isArray(lengths) ? [data.length] : [], data };
    const options = { name: `${this.#scope}/Const`, attributes: { dtype: "int32" as const, value } };
    return this.#graph.addNode("Const", [], options).outputs[0]!;
  }
}
