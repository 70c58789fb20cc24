// Reads the undeclared state of tfjs's engine that the tracer needs: @tensorflow/tfjs-core 4.22, src/engine.ts. Its
// functions are meant to be called while tracing.
import { tf } from "./tf";

/** An operation on tfjs's tape, kept for the gradient. */
export interface TapeNode {
  /** Gradient of the outputs -> input name -> a function that computes the input's gradient. */
  gradient?: (dys: tf.Tensor[]) => Record<string, () => tf.Tensor>;
}

/** tfjs's `EngineState`. */
export interface EngineState {
  numTensors: number;
  numBytes: number;
  numStringTensors: number;
  numDataBuffers: number;
  gradientDepth: number;
  activeTape: TapeNode[] | null | undefined;
  scopeStack: { name: string }[];
  tensorInfo: WeakMap<object, { backend: unknown; bytes: number; dtype: string; shape: number[] }>;
  registeredVariables: Record<string, tf.Variable>;
}

/** Returns the engine's state itself, not a copy. */
export function engineState(): EngineState {
  return tf.engine().state as unknown as EngineState;
}

/** Returns whether tfjs runs the backward pass. What it then computes outside of a gradient function sums gradients. */
export function inBackwardPass(): boolean {
  return engineState().scopeStack.some(({ name }) => name === "backward");
}

/** Suffix of the scopes that tfjs opens for its public functions. */
const FUNCTION_SUFFIX = "__op";

/** Returns the public tfjs functions that are running, outermost first: `["softmaxCrossEntropy", "matMul"]`. */
export function runningFunctions(): string[] {
  const names = engineState().scopeStack.map(({ name }) => name);
  return names
    .filter((name) => name.endsWith(FUNCTION_SUFFIX))
    .map((name) => name.slice(0, -FUNCTION_SUFFIX.length));
}

/** Returns the outermost tfjs function that is running, for messages: "tf.unique". */
export function calledFunction(): string {
  const [outermost] = runningFunctions();
  return outermost ? `tf.${outermost}` : "a tfjs operation";
}
