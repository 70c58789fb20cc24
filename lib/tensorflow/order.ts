import { tf } from "./tf";
import { TRACER, type TracingBackend } from "./tracing_backend";

/**
 * The same tensor, which in a traced function is there only once the others have been computed: what is made of it
 * runs after them. Eager operations run in the order of their calls anyway.
 */
export function after<T extends tf.Tensor>(tensor: T, others: readonly tf.Tensor[]): T {
  if (tf.getBackend() !== TRACER) return tf.clone(tensor);
  return (tf.backend() as TracingBackend).identityAfter(tensor, others) as T;
}
