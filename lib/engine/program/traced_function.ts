// One traced function with a program (graph and session) of its own.
import type { SessionOptions } from "../session/session_options";
import type { GraphFunction, TensorTree } from "./graph_function";
import { type InputSpecs, Program, type TraceableFunction } from "./program";

/** A graph function with its own graph and session; `dispose()`, or the end of a `using`, frees them. */
export type TracedFunction<Names extends string, Result> = GraphFunction<Names, Result> & {
  dispose(): void;
  [Symbol.dispose](): void;
};

/**
 * Traces one function of tfjs code into a TensorFlow graph, which computes the same, faster and in less memory. Any
 * tfjs code on shapes known beforehand works, gradients included. A trace within a trace is refused.
 *
 *     const f = trace(({ x }) => ({ loss: tf.sum(tf.square(x)) }), { x: { shape: [2, 3] } });
 *     const { loss } = await f.run({ x: new Float32Array(6) });
 *     f.dispose();
 *
 * For functions that share variables, use a `Program` instead.
 * @param body called once, with symbolic tensors; returns a tensor, or lists and records of tensors
 * @param inputs shapes and dtypes of the inputs of every run
 * @throws UserError naming the tfjs call that cannot be traced
 * @example
 * trace(({ x }) => ({ y: tf.square(x) }), { x: { shape: [null, 2] } })
 */
export function trace<Names extends string, Result extends TensorTree>(
  body: TraceableFunction<Names, Result>,
  inputs: InputSpecs<Names>,
  options: SessionOptions = {},
): TracedFunction<Names, Result> {
  const program = new Program(options);
  try {
    const traced = program.function("", body, inputs);
    const dispose = () => program.dispose();
    return Object.assign(traced, { dispose, [Symbol.dispose]: dispose });
  } catch (error) {
    program.dispose();
    throw error;
  }
}
