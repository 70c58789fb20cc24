// Variables inside a traced function: reads and assignments.
import { UserError } from "../../common/errors";
import { describeTensor } from "../graph/graph";
import { tf } from "../native/tf";
import type { TracingBackend } from "../tracing/tracing_backend";
import type { Variables } from "./variables";

/** A program's variables inside a traced function. `read`, `assign` and `handle` throw a UserError after its trace. */
export class TracedVariables {
  readonly #backend: TracingBackend;
  readonly #variables: Variables;
  readonly #assigned = new Set<string>();

  constructor(backend: TracingBackend, variables: Variables) {
    this.#backend = backend;
    this.#variables = variables;
  }

  /** Names of all variables in the order of declaration. */
  get names(): string[] {
    return this.#variables.names;
  }

  /** Returns the value that the variable has when a run begins, whatever the run assigns to it. */
  read(name: string): tf.Tensor {
    this.#assertTracing();
    return this.#backend.toTensor(this.#backend.recorder.read(this.#variables.handle(name)));
  }

  /**
   * Assigns a new value to the variable, once per run. Reads in the same run still see the old value.
   * @throws UserError where dtype or shape differ, or the variable is assigned a second time
   */
  assign(name: string, value: tf.Tensor): void {
    const handle = this.#variables.handle(name);
    this.#assertTracing();
    const wanted = this.#variables.describe(name);
    const given = this.#backend.toGraphTensor(value, `variables.assign("${name}")`);
    if (describeTensor(wanted) !== describeTensor(given)) {
      throw new UserError(
        `The variable "${name}" is ${describeTensor(wanted)}; it was assigned a ${describeTensor(given)}.`,
      );
    }
    if (this.#assigned.has(name)) throw new UserError(`The variable "${name}" is assigned twice in one run.`);
    this.#assigned.add(name);
    this.#backend.recorder.add("AssignVariableOp", [handle, given], {}, `assign/${name}`);
  }

  /**
   * Returns the variable itself, for operations that change it in place: `rawOp("ResourceApplyAdam", [handle, ...])`.
   * Every run executes them after the variable was read, in the order in which they were traced.
   */
  handle(name: string): tf.Tensor {
    this.#assertTracing();
    return this.#backend.toTensor(this.#variables.handle(name));
  }

  #assertTracing(): void {
    if (tf.backend() === this.#backend) return;
    throw new UserError(
      "The variables of a traced function were used after its trace or in another trace.",
      "Read them by `await program.read(name)`, or inside the function that gets them.",
    );
  }
}
