// Makes a traced tensor wait for others.
import type { GraphNode } from "../graph/graph";
import { tf } from "../native/tf";
import { TRACER, type TracingBackend } from "./tracing_backend";

/**
 * Returns the same tensor, which in a traced function becomes available only after the others were computed: its
 * consumers run after them. Outside of a trace it returns a clone, since eager operations run in order anyway.
 */
export function after<T extends tf.Tensor>(tensor: T, others: readonly tf.Tensor[]): T {
  if (tf.getBackend() !== TRACER) return tf.clone(tensor);
  const backend = tf.backend() as TracingBackend;
  const nodes = others.map((other) => backend.toGraphTensor(other).node);
  return backend.identityAfter(tensor, nodes) as T;
}

/** Recorder of a traced function -> the node that was chained last. */
const chains = new WeakMap<object, GraphNode>();

/**
 * Traces an operation that runs after all operations chained before it in the same traced function. So they run in
 * the same order in every process that traces the function. Works only while tracing.
 * @param make computes the output from the input, which waits for the previous operation
 */
export function chained(input: tf.Tensor, make: (input: tf.Tensor) => tf.Tensor): tf.Tensor {
  const backend = tf.backend() as TracingBackend;
  const last = chains.get(backend.recorder);
  const output = make(last ? backend.identityAfter(input, [last]) : input);
  chains.set(backend.recorder, backend.toGraphTensor(output).node);
  return output;
}

/** Returns a tensor's position in the order of tracing; a later one is ready later. Works only while tracing. */
export function tracedAt(tensor: tf.Tensor): number {
  const backend = tf.backend() as TracingBackend;
  return backend.recorder.graph.nodes.indexOf(backend.toGraphTensor(tensor).node);
}
