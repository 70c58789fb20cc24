// Variables in a session: declares, fills, views, reads, saves and frees them.

import { nearestName, UserError } from "../../common/errors";
import { elementCount } from "../../common/vectors";
import type { Graph, GraphNode, GraphTensor } from "../graph/graph";
import { dtypeRow, type NumericArray } from "../native/dtypes";
import { HostTensor, type TensorValue } from "../native/host_tensor";
import { type FeedValue, feedFor } from "../session/feeds";
import type { Session } from "../session/session";
import { checkedSpec, type TensorSpec } from "./specs";

/** Function that fills the memory that becomes a variable's own. */
export type WriteMemory = (memory: NumericArray) => void | Promise<void>;

/**
 * Bytes that are assigned or read in one run: TensorFlow takes 10 to 20 ms to prepare the first run of each set of
 * variables.
 */
const GROUP_BYTES = 2 ** 28;

/** Number of names that an error lists. */
const SHOWN_NAMES = 5;

interface Variable {
  /** Placeholder that is fed when a value is assigned; it has the variable's dtype and shape. */
  value: GraphTensor;
  handle: GraphTensor;
  assign: GraphNode;
  read: GraphTensor;
  hasValue: boolean;
}

/** Named tensors that live in a session, on its device, from one run to the next. Used outside of traces. */
export class Variables {
  readonly #graph: Graph;
  readonly #session: () => Session;
  readonly #byName = new Map<string, Variable>();
  readonly #byHandle = new Map<GraphTensor, Variable>();

  /** @param session returns the session of the variables; called when the first value is assigned */
  constructor(graph: Graph, session: () => Session) {
    this.#graph = graph;
    this.#session = session;
  }

  /**
   * Declares a variable without a value.
   * @throws UserError where the name is taken, or name or spec are not valid
   */
  declare(name: string, spec: TensorSpec): void {
    const { shape, dtype } = checkedSpec("variable", name, spec);
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

  /** Handles of all variables in the order of declaration. */
  get handles(): GraphTensor[] {
    return [...this.#byHandle.keys()];
  }

  /** Names of all variables in the order of declaration. */
  get names(): string[] {
    return [...this.#byName.keys()];
  }

  /** Returns the node output that is the variable itself. */
  handle(name: string): GraphTensor {
    return this.#find(name).handle;
  }

  /** Returns a tensor with the variable's dtype and shape. */
  describe(name: string): GraphTensor {
    return this.#find(name).value;
  }

  /** Sets a variable's value. */
  async assign(name: string, values: FeedValue): Promise<void> {
    const variable = this.#find(name);
    await this.#assign([[variable, feedFor(`The variable "${name}"`, variable.value, values)]]);
  }

  /**
   * Sets a variable's value without a copy: `write` fills, in row-major order, the memory that becomes the variable's
   * own (on a GPU it is copied to the device).
   */
  fill(name: string, write: WriteMemory): Promise<void> {
    return this.fillAll([[name, write]]);
  }

  /** Fills many variables, one after the other, in as few runs as memory allows. */
  async fillAll(writers: Iterable<readonly [name: string, write: WriteMemory]>): Promise<void> {
    let filled: [Variable, HostTensor][] = [];
    let bytes = 0;
    let assigning = Promise.resolve();
    try {
      for (const [name, write] of writers) {
        const variable = this.#find(name);
        const memory = new HostTensor(variable.value.dtype, variable.value.shape as number[]);
        filled.push([variable, memory]);
        await write(memory.data);
        bytes += memory.data.byteLength;
        if (bytes < GROUP_BYTES) continue;
        await assigning;
        // TensorFlow prepares this run while the next group is written
        assigning = this.#assignAndDispose(filled);
        assigning.catch(() => {}); // handled where it is awaited
        filled = [];
        bytes = 0;
      }
      await assigning;
      if (filled.length > 0) assigning = this.#assignAndDispose(filled.splice(0));
      await assigning;
    } finally {
      await assigning.catch(() => {});
      for (const [, memory] of filled) memory.dispose();
    }
  }

  /** Assigns memory to variables and disposes of this side's hold on it. */
  async #assignAndDispose(group: readonly (readonly [Variable, HostTensor])[]): Promise<void> {
    try {
      await this.#assign(group);
    } finally {
      for (const [, memory] of group) memory.dispose();
    }
  }

  /** Returns a copy of a variable's value. */
  async read(name: string): Promise<TensorValue> {
    const [value] = await this.#session().run({ fetches: [this.#readable(name)] });
    return value!;
  }

  /**
   * Gives `use` a view of a variable's current value, without a copy (from a GPU it is copied off the device).
   * @param use may read the memory in pieces and be asynchronous; must neither write to it nor use it afterwards
   */
  async view<T>(name: string, use: (memory: NumericArray) => T | Promise<T>): Promise<T> {
    const request = { fetches: [this.#readable(name)] };
    return this.#session().withResults(request, ([value]) => use(value!.data as NumericArray));
  }

  /** Views many variables, one after the other, in as few runs as memory allows. */
  async viewAll(
    names: Iterable<string>,
    use: (name: string, memory: NumericArray) => void | Promise<void>,
  ): Promise<void> {
    for (const group of this.#groups(names)) {
      const request = { fetches: group.map((name) => this.#readable(name)) };
      await this.#session().withResults(request, async (values) => {
        for (const [i, { data }] of values.entries()) await use(group[i]!, data as NumericArray);
      });
    }
  }

  /** Groups names in their order: the values of a group take GROUP_BYTES or slightly more. */
  *#groups(names: Iterable<string>): Generator<string[]> {
    let group: string[] = [];
    let bytes = 0;
    for (const name of names) {
      const { dtype, shape } = this.#find(name).value;
      group.push(name);
      bytes += elementCount(shape as number[]) * dtypeRow(dtype).bytes;
      if (bytes < GROUP_BYTES) continue;
      yield group;
      group = [];
      bytes = 0;
    }
    if (group.length > 0) yield group;
  }

  /**
   * Declares variables for the results of nodes, and computes their values.
   * @param results tensors of known shapes, computed from variables that have values
   * @throws UserError where a name is taken
   */
  async keep(results: readonly (readonly [name: string, result: GraphTensor])[]): Promise<void> {
    const targets = results.map(([name, result]) => {
      this.declare(name, { shape: result.shape!, dtype: result.dtype });
      const inputs = [this.handle(name), result];
      return this.#graph.addNode("AssignVariableOp", inputs, { name: `variables/${name}/keep` });
    });
    if (targets.length > 0) await this.#session().run({ targets });
    this.noteAssigned(results.map(([name]) => this.handle(name)));
  }

  /** Frees the values of variables and their memory. */
  async free(handles: readonly GraphTensor[]): Promise<void> {
    const targets = handles.map((handle) =>
      this.#graph.addNode("DestroyResourceOp", [handle], { name: `${handle.node.name}/free` }),
    );
    if (targets.length > 0) await this.#session().run({ targets });
    for (const handle of handles) this.#byHandle.get(handle)!.hasValue = false;
  }

  /** Returns the node output that is the variable's value in a run. */
  value(name: string): GraphTensor {
    return this.#find(name).read;
  }

  /**
   * Writes variables as a TensorFlow checkpoint bundle, `<prefix>.index` and `<prefix>.data-00000-of-00001`, straight
   * from their memory.
   */
  async save(prefix: string, names: readonly string[]): Promise<void> {
    const text = new TextEncoder();
    const strings = (values: readonly string[], shape: number[]) => {
      const value: TensorValue = { dtype: "string", shape, data: values.map((one) => text.encode(one)) };
      const attributes = { dtype: "string" as const, value };
      return this.#graph.addNode("Const", [], { name: "save/Const", attributes }).outputs[0]!;
    };
    const whole = names.map(() => ""); // no slices
    const lists = [strings([prefix], []), strings(names, [names.length]), strings(whole, [names.length])];
    const inputs = [...lists, ...names.map((name) => this.#readable(name))];
    await this.#session().run({ targets: [this.#graph.addNode("SaveV2", inputs, { name: "save/SaveV2" })] });
  }

  /** Checks that these variables have values. @throws UserError naming those without */
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

  /** Records that a run has assigned these variables. */
  noteAssigned(handles: readonly GraphTensor[]): void {
    for (const handle of handles) {
      const variable = this.#byHandle.get(handle);
      if (variable) variable.hasValue = true;
    }
  }

  async #assign(values: readonly (readonly [Variable, TensorValue | HostTensor])[]): Promise<void> {
    await this.#session().run({
      feeds: values.map(([{ value }, given]) => [value, given]),
      targets: values.map(([{ assign }]) => assign),
    });
    for (const [variable] of values) variable.hasValue = true;
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
