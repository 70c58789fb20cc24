// TensorFlow graphs, their nodes and tensors.
import { UserError } from "../../common/errors";
import { withBuffer } from "../native/buffers";
import { cApi, type OutputStruct, type Pointer } from "../native/c_api";
import { type DType, dtypeOfCode } from "../native/dtypes";
import { countHandle } from "../native/handles";
import { int64Array } from "../native/host_tensor";
import { groupInputs, lengthAttribute, operationDefinition } from "../native/operations";
import type { OpDef } from "../native/protos";
import { withStatus } from "../native/status";
import { type Attributes, explicitAttributes, setAttribute } from "./attributes";

/** One output of a node, which other nodes take as input. */
export interface GraphTensor {
  readonly node: GraphNode;
  /** Position among the node's outputs. */
  readonly index: number;
  readonly dtype: DType;
  /** Lengths; null for a length that only a run knows. The whole shape is null where even the rank is unknown. */
  readonly shape: readonly (number | null)[] | null;
}

/** Node and output position that identify a tensor to TensorFlow. */
export interface TensorAddress {
  readonly node: Pick<GraphNode, "pointer">;
  readonly index: number;
}

/** One operation of a graph. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly GraphTensor[];
  /** Nodes that must run before this one. */
  readonly controls: readonly GraphNode[];
  /** Attributes that were set explicitly; excludes dtypes that follow from the inputs. */
  readonly attributes: Attributes;
  readonly outputs: readonly GraphTensor[];
  readonly definition: OpDef;
  readonly pointer: Pointer;
}

/** Optional properties of a new node. */
export interface NodeOptions {
  /** Wanted name, slashes between scopes; a number is added if it is taken. Default: the operation's name. */
  name?: string;
  attributes?: Attributes;
  controls?: readonly GraphNode[];
  /** For example "/device:CPU:0". Default: TensorFlow places the node. */
  device?: string;
}

/** A TensorFlow graph under construction. Nodes can be added at any time, also while a session runs the graph. */
export class Graph {
  readonly nodes: GraphNode[] = [];
  readonly #pointer: Pointer;
  readonly #names = new Map<string, number>();
  readonly #device: string | undefined;
  #disposed = false;

  /** @param options.device device of nodes that name none, for example "/job:worker/replica:0/task:1" */
  constructor(options: { device?: string } = {}) {
    this.#device = options.device;
    countHandle("graph", 1);
    this.#pointer = cApi().TF_NewGraph();
  }

  /** @throws UserError when the graph was disposed */
  get pointer(): Pointer {
    if (this.#disposed)
      throw new UserError("The graph was disposed: nothing can be added to it or run in it.");
    return this.#pointer;
  }

  /**
   * Adds an operation.
   * @param inputs in the order of the operation's definition; the items of a list follow each other
   * @throws UserError where inputs or attributes do not fit the definition; EngineError where TensorFlow rejects them
   */
  addNode(op: string, inputs: readonly GraphTensor[] = [], options: NodeOptions = {}): GraphNode {
    const graph = this.pointer;
    const { attributes = {}, controls = [], device = this.#device } = options;
    const definition = operationDefinition(op);
    // Our own checks come first: once begun, TensorFlow's description must be finished.
    const groups = groupInputs(definition, inputs, attributes as Record<string, number>);
    const set = explicitAttributes(definition, attributes);
    const name = this.#freeName(options.name ?? op);
    const api = cApi();
    const description = api.TF_NewOperation(graph, op, name);
    if (device) api.TF_SetDevice(description, device);
    for (const { arg, inputs } of groups) {
      if (lengthAttribute(arg)) api.TF_AddInputList(description, packOutputs(inputs), inputs.length);
      else api.TF_AddInput(description, outputStruct(inputs[0]!));
    }
    for (const control of controls) api.TF_AddControlInput(description, control.pointer);
    for (const [attribute, value] of Object.entries(set))
      setAttribute(description, definition, attribute, value);
    const pointer = withStatus(`adding ${describeCall(op, name, inputs)}`, (status) =>
      api.TF_FinishOperation(description, status),
    );
    const node = {
      name,
      op,
      inputs,
      controls,
      attributes: set,
      outputs: [] as GraphTensor[],
      definition,
      pointer,
    };
    node.outputs.push(...this.#outputsOf(node));
    this.nodes.push(node);
    return node;
  }

  /** Returns the graph as a serialised `GraphDef`. */
  toGraphDef(): Uint8Array {
    return withBuffer((buffer) =>
      withStatus("serialising the graph", (status) =>
        cApi().TF_GraphToGraphDef(this.pointer, buffer, status),
      ),
    );
  }

  /** Frees the graph. Dispose of its sessions first. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    countHandle("graph", -1);
    cApi().TF_DeleteGraph(this.#pointer);
  }

  /** Supports `using graph = new Graph()`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Returns `wanted`, or `wanted_1`, `wanted_2`, ... as TensorFlow numbers names in Python. */
  #freeName(wanted: string): string {
    // TensorFlow reserves names that begin with an underscore for its internal operations
    let name = wanted.replace(/(^|\/)_+/g, "$1");
    const base = name;
    while (this.#names.has(name)) {
      const count = this.#names.get(base)!;
      this.#names.set(base, count + 1);
      name = `${base}_${count}`;
    }
    this.#names.set(name, 1);
    return name;
  }

  #outputsOf(node: GraphNode): GraphTensor[] {
    const api = cApi();
    return Array.from({ length: api.TF_OperationNumOutputs(node.pointer) }, (_, index) => {
      const output = { oper: node.pointer, index };
      return {
        node,
        index,
        dtype: dtypeOfCode(api.TF_OperationOutputType(output)),
        shape: this.#shapeOf(output),
      };
    });
  }

  #shapeOf(output: OutputStruct): (number | null)[] | null {
    return withStatus("reading a shape", (status) => {
      const rank = cApi().TF_GraphGetTensorNumDims(this.pointer, output, status);
      if (rank < 0) return null;
      const dims = int64Array(new Array<number>(rank).fill(0));
      cApi().TF_GraphGetTensorShape(this.pointer, output, dims, rank, status);
      return Array.from(dims, (size) => (size < 0n ? null : Number(size)));
    });
  }
}

/** Returns the output as C functions take it. */
function outputStruct({ node, index }: GraphTensor): OutputStruct {
  return { oper: node.pointer, index };
}

/** Packs tensors into an array of `TF_Output { TF_Operation* oper; int index; }`, 16 bytes each. */
export function packOutputs(tensors: readonly TensorAddress[]): BigUint64Array {
  return BigUint64Array.from(tensors.flatMap(({ node, index }) => [node.pointer, BigInt(index)]));
}

/** Describes a new node for error messages: "MatMul block03/MatMul (float32[2,3], float32[4,5])". */
function describeCall(op: string, name: string, inputs: readonly GraphTensor[]): string {
  return `${op} ${name} (${inputs.map(describeTensor).join(", ")})`;
}

/** Describes dtype and shape: "float32[2,3]", "int32[?,3]", "float32[...]" for an unknown rank. */
export function describeTensor({ dtype, shape }: Pick<GraphTensor, "dtype" | "shape">): string {
  return `${dtype}[${shape ? shape.map((size) => size ?? "?").join(",") : "..."}]`;
}
