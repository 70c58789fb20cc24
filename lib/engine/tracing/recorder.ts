// Records the nodes, constants, reads and effects of one traced function.
import { UserError } from "../../common/errors";
import type { Attributes } from "../graph/attributes";
import type { Graph, GraphNode, GraphTensor } from "../graph/graph";
import type { TensorValue } from "../native/host_tensor";
import { scopePrefix } from "./scope";

/** Size above which a value must be an input or a variable: a graph may hold no more than 2 GB. */
const LARGEST_CONSTANT_BYTES = 4 * 2 ** 20;
/** Size up to which equal constants share a node. */
const LARGEST_SHARED_BYTES = 256;

/** Adds the nodes of one traced function to a graph, named by the scopes in which they are created. */
export class Recorder {
  readonly graph: Graph;
  /** Nodes that must run although no output needs them: changes of variables, writes of files. */
  readonly targets: GraphNode[] = [];
  readonly #root: string;
  readonly #constants = new Map<string, GraphTensor>();
  /** Handle of a variable -> the node that reads its value at the beginning of a run. */
  readonly #reads = new Map<GraphTensor, GraphNode>();
  /** Handle of a variable -> the node that changed it last. */
  readonly #changes = new Map<GraphTensor, GraphNode>();

  /** @param root name of the function with a slash, or empty */
  constructor(graph: Graph, root: string) {
    this.graph = graph;
    this.#root = root;
  }

  /**
   * Adds an operation. One that takes a variable's handle changes the variable: every run executes it, after the read
   * of the variable and after the changes recorded before it.
   * @param first other nodes that must run before it
   */
  add(
    op: string,
    inputs: readonly GraphTensor[],
    attributes: Attributes = {},
    name = op,
    first: readonly GraphNode[] = [],
  ): GraphNode {
    const handles = inputs.filter(({ dtype }) => dtype === "resource");
    const order = handles.flatMap((handle) => [this.#reads.get(handle), this.#changes.get(handle)]);
    const controls = [...order, ...first];
    const node = this.graph.addNode(op, inputs, {
      name: scopePrefix() + name,
      attributes,
      controls: controls.filter((control) => control !== undefined),
    });
    for (const handle of handles) this.#changes.set(handle, node);
    if (handles.length > 0 || node.outputs.length === 0) this.targets.push(node);
    return node;
  }

  /**
   * Returns the value that a variable has when a run begins.
   * @throws UserError where the function has already changed the variable
   */
  read(handle: GraphTensor): GraphTensor {
    const node = this.#reads.get(handle) ?? this.#readNode(handle);
    this.#reads.set(handle, node);
    return node.outputs[0]!;
  }

  /** Handles of the variables that every run reads. */
  get readHandles(): GraphTensor[] {
    return [...this.#reads.keys()];
  }

  /** Handles of the variables that every run changes. */
  get changedHandles(): GraphTensor[] {
    return [...this.#changes.keys()];
  }

  /**
   * Adds a value that is known while tracing.
   * @param call returns the tfjs function that adds it, for messages
   * @throws UserError where it is too large for a graph
   */
  constant(value: TensorValue, call: () => string): GraphTensor {
    if (value.dtype === "string") return this.#constNode(value);
    const data = value.data as Float32Array;
    if (data.byteLength <= LARGEST_SHARED_BYTES) return this.#sharedConstant(value, data);
    if (data.every((number) => Object.is(number, data[0]))) return this.#filled(value, data);
    if (data.byteLength <= LARGEST_CONSTANT_BYTES) return this.#constNode(value);
    const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;
    throw new UserError(
      `${call()} would put a constant ${value.dtype}[${value.shape}] of ${megabytes(data.byteLength)} into the graph (limit ${megabytes(LARGEST_CONSTANT_BYTES)}).`,
      "Pass it to the traced function as an input, or declare it as a variable.",
    );
  }

  #sharedConstant(value: TensorValue, data: Float32Array): GraphTensor {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("latin1");
    const key = `${value.dtype}[${value.shape}]${bytes}`;
    const known = this.#constants.get(key) ?? this.#constNode(value);
    this.#constants.set(key, known);
    return known;
  }

  /** Adds a tensor of one repeated value, which takes almost no room in the graph. */
  #filled({ dtype, shape }: TensorValue, data: Float32Array): GraphTensor {
    const dims: TensorValue = { dtype: "int32", shape: [shape.length], data: Int32Array.from(shape) };
    const number: TensorValue = { dtype, shape: [], data: data.slice(0, 1) };
    const inputs = [dims, number].map((value) => this.#sharedConstant(value, value.data as Float32Array));
    return this.add("Fill", inputs).outputs[0]!;
  }

  #constNode(value: TensorValue): GraphTensor {
    const name = `${scopePrefix()}Const`;
    return this.graph.addNode("Const", [], { name, attributes: { dtype: value.dtype, value } }).outputs[0]!;
  }

  #readNode(handle: GraphTensor): GraphNode {
    const { dtype, shared_name: variable } = handle.node.attributes;
    if (this.#changes.has(handle)) {
      throw new UserError(
        `The variable "${variable}" is read after it was changed.`,
        "Read it first, then change it.",
      );
    }
    const name = `${this.#root}read/${variable}`;
    return this.graph.addNode("ReadVariableOp", [handle], { name, attributes: { dtype: dtype! } });
  }
}
