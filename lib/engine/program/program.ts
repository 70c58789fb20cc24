// Programs: traced functions that share variables, one graph and one session.
import { UserError } from "../../common/errors";
import { Graph, type GraphTensor } from "../graph/graph";
import { mapTree, type Tree } from "../graph/tree";
import type { NumericArray } from "../native/dtypes";
import type { TensorValue } from "../native/host_tensor";
import { tf } from "../native/tf";
import type { FeedValue } from "../session/feeds";
import { Session } from "../session/session";
import type { SessionOptions } from "../session/session_options";
import { Recorder } from "../tracing/recorder";
import { assertName } from "../tracing/scope";
import { withTracer } from "../tracing/tracing";
import type { TracingBackend } from "../tracing/tracing_backend";
import { GraphFunction, type TensorTree } from "./graph_function";
import { hoistFixed } from "./hoist";
import { checkedSpec, type TensorSpec } from "./specs";
import { logSession, logTrace, stopwatch } from "./trace_log";
import { TracedVariables } from "./traced_variables";
import { Variables, type WriteMemory } from "./variables";

/** Inputs of a traced function by name. */
export type InputSpecs<Names extends string = string> = Readonly<Record<Names, TensorSpec>>;

/** A function of tfjs code that can be traced. The trace calls it once, with symbolic tensors. */
export type TraceableFunction<Names extends string, Result extends TensorTree> = (
  inputs: Readonly<Record<Names, tf.Tensor>>,
  variables: TracedVariables,
) => Result;

/**
 * Functions that share variables, one graph and one session. Its methods are called outside of traces; traced code
 * reads and assigns variables through `TracedVariables`.
 *
 *     const program = new Program();
 *     program.variable("w", { shape: [2] });
 *     const step = program.function(
 *       "step",
 *       ({ x }, variables) => variables.assign("w", tf.add(variables.read("w"), x)),
 *       { x: { shape: [2] } },
 *     );
 *     await program.assign("w", [0, 0]);
 *     await step.run({ x: [1, 2] });
 */
export class Program {
  readonly graph: Graph;
  readonly #options: SessionOptions;
  readonly #variables: Variables;
  #session: Session | undefined;

  constructor(options: SessionOptions = {}) {
    this.#options = options;
    this.graph = new Graph({ device: options.cluster?.task });
    this.#variables = new Variables(this.graph, () => this.#openSession());
  }

  /** Declares a variable; `assign` or `fill` sets its first value. */
  variable(name: string, spec: TensorSpec): void {
    this.#variables.declare(name, spec);
  }

  /** Names of all variables in the order of declaration. */
  get variableNames(): string[] {
    return this.#variables.names;
  }

  /** Sets a variable's value, in row-major order. */
  assign(name: string, values: FeedValue): Promise<void> {
    return this.#variables.assign(name, values);
  }

  /** Sets a variable's value without a copy: `write` fills the memory that becomes the variable's own. */
  fill(name: string, write: WriteMemory): Promise<void> {
    return this.#variables.fill(name, write);
  }

  /** Fills many variables, one after the other: much faster than separate calls of `fill`. */
  fillAll(writers: Iterable<readonly [name: string, write: WriteMemory]>): Promise<void> {
    return this.#variables.fillAll(writers);
  }

  /** Returns a copy of a variable's value. */
  read(name: string): Promise<TensorValue> {
    return this.#variables.read(name);
  }

  /**
   * Gives `use` a view of a variable's value without a copy. `use` may read the memory in pieces, but must neither
   * write to it nor use it after it returns. Runs that change the variable in the meantime do not change the view.
   */
  view<T>(name: string, use: (memory: NumericArray) => T | Promise<T>): Promise<T> {
    return this.#variables.view(name, use);
  }

  /** Views many variables, one after the other: much faster than separate calls of `view`. */
  viewAll(
    names: Iterable<string>,
    use: (name: string, memory: NumericArray) => void | Promise<void>,
  ): Promise<void> {
    return this.#variables.viewAll(names, use);
  }

  /**
   * Writes variables as a TensorFlow checkpoint bundle, straight from their memory.
   * @param prefix path, to which `.index` and `.data-00000-of-00001` are added
   */
  saveBundle(prefix: string, names: readonly string[]): Promise<void> {
    return this.#variables.save(prefix, names);
  }

  /**
   * Returns the same function for inference: computes everything that follows from variables alone now, once, and
   * keeps it in new variables, with matrices in the layout that multiplies fastest. Variables that it no longer reads
   * lose their values: other functions that read them cannot run.
   * @param name scope of its nodes
   */
  async computedOnce<Names extends string, Result extends TensorTree>(
    name: string,
    traced: GraphFunction<Names, Result>,
  ): Promise<GraphFunction<Names, Result>> {
    traced.parts.beforeRun();
    return hoistFixed(name, traced, this.#variables);
  }

  /**
   * Traces a function of tfjs code into the graph.
   * @param name scope of its nodes; empty for none
   * @param body tfjs operations only, on shapes known beforehand; it must not be asynchronous
   * @param inputs shapes and dtypes of the inputs of every run
   * @throws UserError naming the tfjs call that cannot be traced
   */
  function<Names extends string, Result extends TensorTree>(
    name: string,
    body: TraceableFunction<Names, Result>,
    inputs: InputSpecs<Names>,
  ): GraphFunction<Names, Result> {
    if (name !== "") assertName("function", name);
    const owner = name === "" ? "The traced function" : name;
    const seconds = stopwatch();
    const root = name === "" ? "" : `${name}/`;
    const recorder = new Recorder(this.graph, root);
    const placeholders = this.#placeholders(root, inputs);
    const { fetches, structure } = withTracer(recorder, name, (backend) => {
      const entries = Object.entries(placeholders).map(([name, input]) => [name, backend.toTensor(input)]);
      const symbols = Object.fromEntries(entries) as Record<Names, tf.Tensor>;
      return recordOutputs(backend, body(symbols, new TracedVariables(backend, this.#variables)));
    });
    if (fetches.length + recorder.targets.length === 0) {
      throw new UserError(
        `${owner} returns nothing and changes no variable: there is nothing to run.`,
        "Return the tensors that it computes.",
      );
    }
    const traced = new GraphFunction<Names, Result>({
      owner,
      root,
      graph: this.graph,
      inputs: placeholders,
      fetches,
      structure,
      targets: recorder.targets,
      session: () => this.#openSession(),
      beforeRun: () => this.#variables.assertAssigned(recorder.readHandles),
      afterRun: () => this.#variables.noteAssigned(recorder.changedHandles),
    });
    logTrace(owner, () => traced.nodes, seconds());
    return traced;
  }

  /** Ends the session and its variables, and frees the graph. */
  dispose(): void {
    this.#session?.dispose();
    this.graph.dispose();
  }

  /** Supports `using program = new Program()`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #openSession(): Session {
    if (!this.#session) {
      const seconds = stopwatch();
      this.#session = new Session(this.graph, this.#options);
      logSession(this.#variables.handles, seconds());
    }
    return this.#session;
  }

  #placeholders(root: string, inputs: InputSpecs): Record<string, GraphTensor> {
    return Object.fromEntries(
      Object.entries(inputs).map(([name, spec]) => {
        const attributes = { ...checkedSpec("input", name, spec) };
        return [name, this.graph.addNode("Placeholder", [], { name: root + name, attributes }).outputs[0]!];
      }),
    );
  }
}

/** Adds a named node for every tensor that the function returned. */
function recordOutputs(
  backend: TracingBackend,
  result: unknown,
): { fetches: GraphTensor[]; structure: Tree<number> } {
  const fetches: GraphTensor[] = [];
  const isTensor = (value: unknown): value is tf.Tensor => value instanceof tf.Tensor;
  if (result === undefined) return { fetches, structure: {} };
  if (result instanceof Promise) {
    throw new UserError("An asynchronous function cannot be traced.", "Make it synchronous.");
  }
  const structure = mapTree(result as Tree<tf.Tensor>, isTensor, (tensor, path) => {
    const name = path === "" ? "output" : `output/${path}`;
    const input = backend.toGraphTensor(
      tensor,
      `The traced function's result${path === "" ? "" : ` ${path}`}`,
    );
    const [output] = backend.recorder.add("Identity", [input], {}, name).outputs;
    return fetches.push(output!) - 1;
  });
  return { fetches, structure };
}
