// A function whose graph can be run.
import type { Graph, GraphNode, GraphTensor } from "../graph/graph";
import { type Outline, outlineOf } from "../graph/graph_outline";
import { neededNodes, nodeText } from "../graph/graph_text";
import { mapTree, type Tree } from "../graph/tree";
import type { TensorValue } from "../native/host_tensor";
import type { tf } from "../native/tf";
import { type FeedValue, feedsOf } from "../session/feeds";
import type { Session } from "../session/session";
import type { NodeTime, RunRequest } from "../session/session_call";

/** What a traced function may return: a tensor, lists and records of them, or nothing where it only has effects. */
// biome-ignore lint/suspicious/noConfusingVoidType: the type of a function without a return
export type TensorTree = Tree<tf.Tensor> | void;

/** The same tree with values in the tensors' places. */
export type ValueTree<T> = T extends tf.Tensor ? TensorValue : { -readonly [K in keyof T]: ValueTree<T[K]> };

/** What a graph function is made of. */
export interface GraphFunctionParts {
  /** For messages. */
  owner: string;
  /** What the names of its nodes begin with: its scope with a slash, or empty. */
  root: string;
  graph: Graph;
  inputs: Readonly<Record<string, GraphTensor>>;
  fetches: readonly GraphTensor[];
  /** What the traced function returned, with the places of its tensors among the fetches. */
  structure: Tree<number>;
  /** Nodes that run in every run for their effect. */
  targets: readonly GraphNode[];
  session(): Session;
  /** @throws UserError where a variable that a run reads has no value */
  beforeRun(): void;
  /** Takes note of what a run has assigned. */
  afterRun(): void;
}

/** A function that was traced into a graph: `await f.run({ x: values })`. */
export class GraphFunction<Names extends string = string, Result = TensorTree> {
  /** What it is made of, for functions that are made from it. */
  readonly parts: GraphFunctionParts;

  constructor(parts: GraphFunctionParts) {
    this.parts = parts;
  }

  /**
   * Runs the graph off the main thread. Values are copied at once: their arrays may be used again when this returns.
   * Runs may overlap, except those that change the same variables.
   * @param values for every input
   * @returns what the traced function returned, with values for tensors
   * @throws UserError where a value does not fit its input; EngineError where a node fails
   */
  async run(values: Readonly<Record<Names, FeedValue>>): Promise<ValueTree<Result>> {
    const request = this.#request(values);
    const results = await this.parts.session().run(request);
    this.parts.afterRun();
    return this.#nested(results);
  }

  /** The same on the main thread, which waits. */
  runSync(values: Readonly<Record<Names, FeedValue>>): ValueTree<Result> {
    const request = this.#request(values);
    const results = this.parts.session().runSync(request);
    this.parts.afterRun();
    return this.#nested(results);
  }

  /** Runs once and returns when each node ran; nodes that TensorFlow rewrote or merged go by its own names. */
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

  /** Their number. */
  get nodeCount(): number {
    return this.nodes.length;
  }

  /** The graph as text, one line a node. */
  toString(): string {
    return this.nodes.map((node) => `${nodeText(node)}\n`).join("");
  }

  /**
   * The graph folded by scope, for drawings: `show(f)` and `show(drawGraph(f, 2))`.
   * @param depth how many levels of scopes are shown open; default: the most that stay readable
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
