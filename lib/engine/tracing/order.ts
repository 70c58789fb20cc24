// Makes one tensor wait for others; called while tracing.
import type { GraphNode } from "../graph/graph";
import { tf } from "../native/tf";
import { TRACER, type TracingBackend } from "./tracing_backend";

/**
 * The same tensor, which in a traced function is there only once the others have been computed: what is made of it
 * runs after them. Eager operations run in the order of their calls anyway.
 */
export function after<T extends tf.Tensor>(tensor: T, others: readonly tf.Tensor[]): T {
  if (tf.getBackend() !== TRACER) return tf.clone(tensor);
  const backend = tf.backend() as TracingBackend;
  const nodes = others.map((other) => backend.toGraphTensor(other).node);
  return backend.identityAfter(tensor, nodes) as T;
}

/** Graph and function -> the node that was chained last. */
const chains = new WeakMap<object, GraphNode>();

/**
 * Traces an operation that runs after all those that were chained before it in the same traced function: they run in
 * one order, the same in every process that traces the same function.
 * @param make makes its output of the input, which it gets with that condition
 */
export function chained(input: tf.Tensor, make: (input: tf.Tensor) => tf.Tensor): tf.Tensor {
  const backend = tf.backend() as TracingBackend;
  const last = chains.get(backend.recorder);
  const output = make(last ? backend.identityAfter(input, [last]) : input);
  chains.set(backend.recorder, backend.toGraphTensor(output).node);
  return output;
}

/** Where a tensor stands in the order in which its graph was traced; of two, the later one is ready later. */
export function tracedAt(tensor: tf.Tensor): number {
  const backend = tf.backend() as TracingBackend;
  return backend.recorder.graph.nodes.indexOf(backend.toGraphTensor(tensor).node);
}
