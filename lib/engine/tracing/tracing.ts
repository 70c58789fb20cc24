// Runs a function in tfjs with the tracer as its backend.
import { UserError } from "../../common/errors";
import { tf } from "../native/tf";
import { engineState } from "../native/tfjs_engine";
import { noteReads } from "./reading";
import type { Recorder } from "./recorder";
import { rootScope } from "./scope";
import { TRACER, TracingBackend } from "./tracing_backend";
import { registerTracingKernels } from "./tracing_kernels";

/**
 * Runs `body` with a backend that records instead of computing. Afterwards, on errors too, it restores tfjs's backend,
 * its count of tensors and its variables. It cannot be called while tracing.
 * @param root outermost scope of names
 * @throws what `body` throws; UserError for a call that cannot be traced, or a trace within a trace
 */
export function withTracer<T>(recorder: Recorder, root: string, body: (backend: TracingBackend) => T): T {
  const previous = tf.getBackend();
  if (previous === TRACER) throw new UserError("A trace was begun inside of a traced function.");
  const backend = new TracingBackend(recorder);
  const variables = new VariableGuard();
  const unregisterKernels = registerTracingKernels();
  const leaveGradients = outsideOfGradients();
  const forgetReads = noteReads();
  tf.registerBackend(TRACER, () => backend);
  void tf.setBackend(TRACER);
  try {
    const result = inEngineScope(() => rootScope(root, () => body(backend)));
    if (backend.failure) throw backend.failure;
    variables.assertUntouched();
    assertNothingKept(backend);
    return result;
  } catch (error) {
    throw missingKernel(error) ?? error;
  } finally {
    tf.removeBackend(TRACER);
    void tf.setBackend(previous);
    unregisterKernels();
    leaveGradients();
    forgetReads();
    backend.storage.forgetAll();
    variables.restore();
  }
}

/** Returns a clearer error for a missing kernel: tfjs blames the tracer, which has every kernel of tfjs-node. */
function missingKernel(error: unknown): UserError | undefined {
  const kernel = /^Kernel '(\w+)' not registered/.exec(error instanceof Error ? error.message : "")?.[1];
  if (!kernel) return undefined;
  return new UserError(
    `tfjs-node has no kernel ${kernel}: code that needs it runs neither eagerly nor traced.`,
    "Use other tfjs functions, or TensorFlow's own operation by rawOp.",
    { cause: error },
  );
}

function inEngineScope<T>(body: () => T): T {
  tf.engine().startScope();
  try {
    return body();
  } finally {
    tf.engine().endScope();
  }
}

/** Stops a gradient that is being computed around the trace from recording it. Returns the undo function. */
function outsideOfGradients(): () => void {
  const state = engineState();
  const { activeTape, gradientDepth } = state;
  Object.assign(state, { activeTape: null, gradientDepth: 0 });
  return () => Object.assign(state, { activeTape, gradientDepth });
}

function assertNothingKept(backend: TracingBackend): void {
  const count = backend.storage.numDataIds();
  if (count === 0) return;
  throw new UserError(
    `The traced function holds on to ${count} tensors beyond its end (tf.keep).`,
    "Return the tensors that are needed outside.",
  );
}

/** Protects the values of all tf.Variables during a trace. */
class VariableGuard {
  readonly #before = Object.values(engineState().registeredVariables).map((variable) => {
    const { dataId } = variable;
    const { backend, bytes } = engineState().tensorInfo.get(dataId)!;
    const owner = backend as tf.KernelBackend;
    owner.incRef(dataId);
    return { variable, dataId, owner, bytes };
  });

  /** Checks that the trace left all variables alone. @throws UserError naming those that it made or assigned */
  assertUntouched(): void {
    const known = new Map(this.#before.map(({ variable, dataId }) => [variable, dataId]));
    const touched = Object.values(engineState().registeredVariables).filter(
      (variable) => known.get(variable) !== variable.dataId,
    );
    if (touched.length === 0) return;
    throw new UserError(
      `tf.Variables were made or assigned while tracing: ${touched.map(({ name }) => name).join(", ")}.`,
      "Declare them as variables of a program: their values stay in the graph's session.",
    );
  }

  restore(): void {
    const state = engineState();
    const kept = new Set(this.#before.map(({ variable }) => variable));
    for (const [name, variable] of Object.entries(state.registeredVariables)) {
      if (!kept.has(variable)) delete state.registeredVariables[name];
    }
    for (const { variable, dataId, owner, bytes } of this.#before) {
      if (variable.dataId === dataId) {
        owner.disposeData(dataId);
        continue;
      }
      // The assignment gave up the variable's own reference to its value: the guard's replaces it.
      variable.dataId = dataId;
      state.numTensors++;
      state.numBytes += bytes;
    }
  }
}
