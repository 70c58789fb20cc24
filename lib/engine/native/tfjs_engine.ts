// The parts of tfjs's engine that the tracer must see and that tfjs does not declare: @tensorflow/tfjs-core 4.22,
// src/engine.ts.
import { tf } from "./tf";

/** What is kept of an operation for the gradient. */
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

/** The engine's state itself. */
export function engineState(): EngineState {
  return tf.engine().state as unknown as EngineState;
}

/** Whether tfjs is going back through its tape: what then is computed outside of any gradient adds gradients up. */
export function inBackwardPass(): boolean {
  return engineState().scopeStack.some(({ name }) => name === "backward");
}

/** Ends the names of the scopes that tfjs opens for its public functions. */
const FUNCTION_SUFFIX = "__op";

/** The public tfjs functions that are running, outermost first: `["softmaxCrossEntropy", "matMul"]`. */
export function runningFunctions(): string[] {
  const names = engineState().scopeStack.map(({ name }) => name);
  return names
    .filter((name) => name.endsWith(FUNCTION_SUFFIX))
    .map((name) => name.slice(0, -FUNCTION_SUFFIX.length));
}

/** The tfjs function that was called, for messages: "tf.unique". */
export function calledFunction(): string {
  const [outermost] = runningFunctions();
  return outermost ? `tf.${outermost}` : "a tfjs operation";
}
