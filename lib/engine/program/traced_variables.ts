// Variables as a traced function sees them: read and assign.
import { UserError } from "../../common/errors";
import { describeTensor } from "../graph/graph";
import { tf } from "../native/tf";
import type { TracingBackend } from "../tracing/tracing_backend";
import type { Variables } from "./variables";

/** A program's variables as a traced function sees them. */
export class TracedVariables {
  readonly #backend: TracingBackend;
  readonly #variables: Variables;
  readonly #assigned = new Set<string>();

  constructor(backend: TracingBackend, variables: Variables) {
    this.#backend = backend;
    this.#variables = variables;
  }

  /** Names of all variables, in the order of their declaration. */
  get names(): string[] {
    return this.#variables.names;
  }

  /** The value that the variable has when a run begins, whatever the run assigns to it. */
  read(name: string): tf.Tensor {
    this.#assertTracing();
    return this.#backend.toTensor(this.#backend.recorder.read(this.#variables.handle(name)));
  }

  /**
   * Gives the variable a new value, once a run. Other reads of the same run still see the old one.
   * @throws UserError when the shape is another, or the variable is assigned a second time
   */
  assign(name: string, value: tf.Tensor): void {
    const handle = this.#variables.handle(name);
    this.#assertTracing();
    const wanted = this.#variables.describe(name);
    const given = this.#backend.toGraphTensor(value, `variables.assign("${name}")`);
    if (describeTensor(wanted) !== describeTensor(given)) {
      throw new UserError(
        `The variable "${name}" is ${describeTensor(wanted)}, assigned was ${describeTensor(given)}.`,
      );
    }
    if (this.#assigned.has(name)) throw new UserError(`The variable "${name}" is assigned twice in one run.`);
    this.#assigned.add(name);
    this.#backend.recorder.add("AssignVariableOp", [handle, given], {}, `assign/${name}`);
  }

  /**
   * The variable itself, for operations that change it in place: `rawOp("ResourceApplyAdam", [handle, ...])`. They
   * run in every run, after the variable was read, in the order in which they were traced.
   */
  handle(name: string): tf.Tensor {
    this.#assertTracing();
    return this.#backend.toTensor(this.#variables.handle(name));
  }

  #assertTracing(): void {
    if (tf.backend() === this.#backend) return;
    throw new UserError(
      "The variables of a traced function were used after its trace, or in another one.",
      "Read them by `await program.read(name)`, or inside of the function that gets them.",
    );
  }
}
