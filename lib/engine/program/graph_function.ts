// Functions that were traced into a graph, and run it.
import type { Graph, GraphNode, GraphTensor } from "../graph/graph";
import { type Outline, outlineOf } from "../graph/graph_outline";
import { neededNodes, nodeText } from "../graph/graph_text";
import { mapTree, type Tree } from "../graph/tree";
import type { TensorValue } from "../native/host_tensor";
import type { tf } from "../native/tf";
import { type FeedValue, feedsOf } from "../session/feeds";
import type { Session } from "../session/session";
import type { NodeTime, RunRequest } from "../session/session_call";

/** Result of a traced function: a tensor, lists and records of tensors, or nothing if it only has effects. */
// biome-ignore lint/suspicious/noConfusingVoidType: the type of a function without a return
export type TensorTree = Tree<tf.Tensor> | void;

/** Tree of the same form, with values in place of tensors. */
export type ValueTree<T> = T extends tf.Tensor ? TensorValue : { -readonly [K in keyof T]: ValueTree<T[K]> };

/** Parts of a graph function. */
export interface GraphFunctionParts {
  /** Name of the function, for messages. */
  owner: string;
  /** Prefix of its nodes' names: its scope with a slash, or empty. */
  root: string;
  graph: Graph;
  inputs: Readonly<Record<string, GraphTensor>>;
  fetches: readonly GraphTensor[];
  /** The result of the traced function, with the positions of its tensors among the fetches. */
  structure: Tree<number>;
  /** Nodes that every run executes for their effect. */
  targets: readonly GraphNode[];
  session(): Session;
  /** Checks that all variables that a run reads have values. @throws UserError if one has none */
  beforeRun(): void;
  /** Records which variables a run has assigned. */
  afterRun(): void;
}

/** A function that was traced into a graph: `await f.run({ x: values })`. Call its methods outside of traces. */
export class GraphFunction<Names extends string = string, Result = TensorTree> {
  /** Its parts, for functions that are derived from it. */
  readonly parts: GraphFunctionParts;

  constructor(parts: GraphFunctionParts) {
    this.parts = parts;
  }

  /**
   * Runs the graph off the main thread. Copies values at once: their arrays may be reused as soon as it returns its
   * promise. Runs may overlap, except those that change the same variables.
   * @param values values for every input
   * @returns the result of the traced function, with values in place of tensors
   * @throws UserError where a value does not fit its input; EngineError where a node fails
   */
  async run(values: Readonly<Record<Names, FeedValue>>): Promise<ValueTree<Result>> {
    const request = this.#request(values);
    const results = await this.parts.session().run(request);
    this.parts.afterRun();
    return this.#nested(results);
  }

  /** Runs the graph like `run`, but on the main thread, which waits. */
  runSync(values: Readonly<Record<Names, FeedValue>>): ValueTree<Result> {
    const request = this.#request(values);
    const results = this.parts.session().runSync(request);
    this.parts.afterRun();
    return this.#nested(results);
  }

  /** Runs once and returns the time of each node; nodes that TensorFlow rewrote or merged have its own names. */
  async profile(values: Readonly<Record<Names, FeedValue>>): Promise<NodeTime[]> {
    const request = this.#request(values);
    const times = await this.parts.session().profile(request);
    this.parts.afterRun();
    return times;
  }

  /** The nodes that a run needs, in the order in which they were traced. */
  get nodes(): GraphNode[] {
    const { graph, fetches, targets } = this.parts;
    return neededNodes(graph, fetches, targets);
  }

  /** Number of nodes that a run needs. */
  get nodeCount(): number {
    return this.nodes.length;
  }

  /** Returns the graph as text, one line per node. */
  toString(): string {
    return this.nodes.map((node) => `${nodeText(node)}\n`).join("");
  }

  /**
   * Returns the graph folded by scope, for drawings: `show(f)` and `show(drawGraph(f, 2))`.
   * @param depth number of scope levels that are shown open; default: the largest that stays readable
   */
  outline(depth?: number): Outline {
    return outlineOf(this.nodes, this.parts.root, depth);
  }

  #request(values: Readonly<Record<string, FeedValue>>): RunRequest {
    const { owner, inputs, fetches, targets } = this.parts;
    const feeds = feedsOf(owner, inputs, values);
    this.parts.beforeRun();
    return { feeds, fetches, targets };
  }

  #nested(results: TensorValue[]): ValueTree<Result> {
    const isPlace = (place: unknown): place is number => typeof place === "number";
    return mapTree(this.parts.structure, isPlace, (place) => results[place]!) as ValueTree<Result>;
  }
}
