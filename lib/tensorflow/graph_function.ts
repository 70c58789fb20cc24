import { type FeedValue, feedsOf } from "./feeds";
import type { Graph, GraphNode, GraphTensor } from "./graph";
import { neededNodes, nodeText } from "./graph_text";
import type { TensorValue } from "./host_tensor";
import type { RunRequest } from "./session";
import type { tf } from "./tf";
import { mapTree, type Tree } from "./tree";

/** What a traced function may return: a tensor, lists and records of them, or nothing where it only has effects. */
// biome-ignore lint/suspicious/noConfusingVoidType: the type of a function without a return
export type TensorTree = Tree<tf.Tensor> | void;

/** The same tree with values in the tensors' places. */
export type ValueTree<T> = T extends tf.Tensor ? TensorValue : { -readonly [K in keyof T]: ValueTree<T[K]> };

/** What a graph function is made of. */
export interface GraphFunctionParts {
  /** For messages. */
  owner: string;
  graph: Graph;
  inputs: Readonly<Record<string, GraphTensor>>;
  fetches: readonly GraphTensor[];
  /** What the traced function returned, with the places of its tensors among the fetches. */
  structure: Tree<number>;
  /** Nodes that run in every run for their effect. */
  targets: readonly GraphNode[];
  run(request: RunRequest): Promise<TensorValue[]>;
  runSync(request: RunRequest): TensorValue[];
}

/** A function that was traced into a graph: `await f.run({ x: values })`. */
export class GraphFunction<Names extends string = string, Result = TensorTree> {
  readonly #parts: GraphFunctionParts;

  constructor(parts: GraphFunctionParts) {
    this.#parts = parts;
  }

  /**
   * Runs the graph off the main thread. Values are copied at once: their arrays may be used again when this returns.
   * @param values for every input
   * @returns what the traced function returned, with values for tensors
   * @throws UserError where a value does not fit its input; EngineError where a node fails
   */
  async run(values: Readonly<Record<Names, FeedValue>>): Promise<ValueTree<Result>> {
    return this.#results(await this.#parts.run(this.#request(values)));
  }

  /** The same on the main thread, which waits. */
  runSync(values: Readonly<Record<Names, FeedValue>>): ValueTree<Result> {
    return this.#results(this.#parts.runSync(this.#request(values)));
  }

  /** The nodes that a run needs, in the order in which they were traced. */
  get nodes(): GraphNode[] {
    const { graph, fetches, targets } = this.#parts;
    return neededNodes(graph, fetches, targets);
  }

  /** Their number. */
  get nodeCount(): number {
    return this.nodes.length;
  }

  /** The graph as text, one line a node. */
  toString(): string {
    return this.nodes.map((node) => `${nodeText(node)}\n`).join("");
  }

  #request(values: Readonly<Record<string, FeedValue>>): RunRequest {
    const { owner, inputs, fetches, targets } = this.#parts;
    return { feeds: feedsOf(owner, inputs, values), fetches, targets };
  }

  #results(values: TensorValue[]): ValueTree<Result> {
    const isPlace = (place: unknown): place is number => typeof place === "number";
    return mapTree(this.#parts.structure, isPlace, (place) => values[place]!) as ValueTree<Result>;
  }
}
