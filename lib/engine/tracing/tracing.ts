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
 * Runs `body` with a backend that records instead of computing. tfjs is afterwards as it was before, on errors too:
 * its backend, its count of tensors, its variables.
 * @param root the outermost scope of names
 * @throws what `body` throws; UserError when it does what cannot be traced
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

/** tfjs's own words name the tracer, which has every kernel that tfjs-node has. */
function missingKernel(error: unknown): UserError | undefined {
  const kernel = /^Kernel '(\w+)' not registered/.exec(error instanceof Error ? error.message : "")?.[1];
  if (!kernel) return undefined;
  return new UserError(
    `tfjs-node has no kernel ${kernel}: what needs it runs neither eagerly nor traced.`,
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

/** A gradient that is being computed around the trace must not record it. */
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
    "Return what is needed outside.",
  );
}

/** Sees to it that no tf.Variable loses its value to a trace. */
class VariableGuard {
  readonly #before = Object.values(engineState().registeredVariables).map((variable) => {
    const { dataId } = variable;
    const { backend, bytes } = engineState().tensorInfo.get(dataId)!;
    const owner = backend as tf.KernelBackend;
    owner.incRef(dataId);
    return { variable, dataId, owner, bytes };
  });

  /** @throws UserError naming the variables that were made or assigned */
  assertUntouched(): void {
    const known = new Map(this.#before.map(({ variable, dataId }) => [variable, dataId]));
    const touched = Object.values(engineState().registeredVariables).filter(
      (variable) => known.get(variable) !== variable.dataId,
    );
    if (touched.length === 0) return;
    throw new UserError(
      `tf.Variables were made or assigned while tracing: ${touched.map(({ name }) => name).join(", ")}.`,
      "Declare them as variables of a program, whose values stay in the graph's session.",
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
      // The assignment gave up the variable's own hold on its value: the guard's takes its place.
      variable.dataId = dataId;
      state.numTensors++;
      state.numBytes += bytes;
    }
  }
}
