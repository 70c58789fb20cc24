import { nearestName, UserError } from "../common/errors";
import type { DType, NumericArray } from "./dtypes";
import { type FeedValue, feedFor } from "./feeds";
import type { Graph, GraphNode, GraphTensor } from "./graph";
import { HostTensor, type TensorValue } from "./host_tensor";
import type { Session } from "./session";

/** Shape and dtype of an input or a variable. */
export interface TensorSpec {
  shape: readonly number[];
  /** Default float32. */
  dtype?: DType;
}

/** More names than this are not listed in an error. */
const SHOWN_NAMES = 5;

interface Variable {
  /** Stands for the value's dtype and shape; fed when a value is assigned. */
  value: GraphTensor;
  handle: GraphTensor;
  assign: GraphNode;
  read: GraphTensor;
  hasValue: boolean;
}

/** Named tensors that live in a session, on its device, from one run to the next. */
export class Variables {
  readonly #graph: Graph;
  readonly #session: () => Session;
  readonly #byName = new Map<string, Variable>();
  readonly #byHandle = new Map<GraphTensor, Variable>();

  /** @param session where the variables live; asked for when the first value is assigned */
  constructor(graph: Graph, session: () => Session) {
    this.#graph = graph;
    this.#session = session;
  }

  /**
   * Declares a variable. It has no value yet.
   * @throws UserError when the name is taken
   */
  declare(name: string, { shape, dtype = "float32" }: TensorSpec): void {
    if (this.#byName.has(name)) throw new UserError(`There already is a variable "${name}".`);
    const attributes = { dtype, shape };
    const add = (op: string, inputs: GraphTensor[], suffix: string, attributes = {}) =>
      this.#graph.addNode(op, inputs, { name: `variables/${name}${suffix}`, attributes });
    const [handle] = add("VarHandleOp", [], "", { ...attributes, shared_name: name }).outputs;
    const [value] = add("Placeholder", [], "/value", attributes).outputs;
    const assign = add("AssignVariableOp", [handle!, value!], "/assign");
    const [read] = add("ReadVariableOp", [handle!], "/read", { dtype }).outputs;
    const variable = { value: value!, handle: handle!, assign, read: read!, hasValue: false };
    this.#byName.set(name, variable);
    this.#byHandle.set(variable.handle, variable);
  }

  /** All names, in the order of their declaration. */
  get names(): string[] {
    return [...this.#byName.keys()];
  }

  /** The node output that stands for the variable itself. */
  handle(name: string): GraphTensor {
    return this.#find(name).handle;
  }

  /** The variable's dtype and shape. */
  describe(name: string): GraphTensor {
    return this.#find(name).value;
  }

  /** Gives a variable its value. */
  async assign(name: string, values: FeedValue): Promise<void> {
    const { value } = this.#find(name);
    await this.#set(name, feedFor(`The variable "${name}"`, value, values));
  }

  /**
   * Gives a variable its value without a copy: `write` fills, in row-major order, the very memory that becomes the
   * variable's own (on a GPU it is copied to the device).
   */
  async fill(name: string, write: (memory: NumericArray) => void | Promise<void>): Promise<void> {
    const { value } = this.#find(name);
    const memory = new HostTensor(value.dtype, value.shape as number[]);
    try {
      await write(memory.data);
      await this.#set(name, memory);
    } finally {
      memory.dispose();
    }
  }

  /** Copies a variable's value out. */
  async read(name: string): Promise<TensorValue> {
    const [value] = await this.#session().run({ fetches: [this.#readable(name)] });
    return value!;
  }

  /**
   * Lends a variable's value as it is now, without a copy (from a GPU it is copied off the device).
   * @param use reads it, in pieces if it likes; may be asynchronous. It must not write to the memory, nor touch it
   * once it is done.
   */
  async view<T>(name: string, use: (memory: NumericArray) => T | Promise<T>): Promise<T> {
    const request = { fetches: [this.#readable(name)] };
    return this.#session().lend(request, ([value]) => use(value!.data as NumericArray));
  }

  /** @throws UserError naming the variables among these that have no value yet */
  assertAssigned(handles: readonly GraphTensor[]): void {
    const empty = handles.map((handle) => this.#byHandle.get(handle)!).filter(({ hasValue }) => !hasValue);
    if (empty.length === 0) return;
    const names = empty.map(({ handle }) => handle.node.attributes.shared_name);
    const shown = names.slice(0, SHOWN_NAMES).join(", ") + (names.length > SHOWN_NAMES ? ", ..." : "");
    throw new UserError(
      `${names.length === 1 ? "A variable has" : `${names.length} variables have`} no value yet: ${shown}.`,
      "Assign one before the first run.",
    );
  }

  /** Takes note that a run has given these variables values. */
  noteAssigned(handles: readonly GraphTensor[]): void {
    for (const handle of handles) {
      const variable = this.#byHandle.get(handle);
      if (variable) variable.hasValue = true;
    }
  }

  async #set(name: string, value: TensorValue | HostTensor): Promise<void> {
    const variable = this.#find(name);
    await this.#session().run({ feeds: [[variable.value, value]], targets: [variable.assign] });
    variable.hasValue = true;
  }

  #readable(name: string): GraphTensor {
    const { handle, read } = this.#find(name);
    this.assertAssigned([handle]);
    return read;
  }

  #find(name: string): Variable {
    const variable = this.#byName.get(name);
    if (variable) return variable;
    const near = nearestName(name, this.names);
    throw new UserError(`There is no variable "${name}".`, near && `Did you mean "${near}"?`);
  }
}
