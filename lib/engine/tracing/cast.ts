// Casts to dtypes that tfjs does not have.
import type { DType } from "../native/dtypes";
import { tf } from "../native/tf";
import { rawOp } from "./raw_op";
import { TRACER, type TracingBackend } from "./tracing_backend";

/** Returns a tensor's dtype: tfjs's own outside of a trace; while tracing the real one, which tfjs may not know. */
export function dtypeOf(tensor: tf.Tensor): DType {
  if (tf.getBackend() !== TRACER) return tensor.dtype as DType;
  return (tf.backend() as TracingBackend).toGraphTensor(tensor).dtype;
}

/**
 * Casts a tensor to another dtype, without a gradient of its own. While tracing, casting a widened value back returns
 * the original tensor. Outside of a trace only tfjs's dtypes work.
 */
export function castTo(tensor: tf.Tensor, dtype: DType): tf.Tensor {
  if (dtypeOf(tensor) === dtype) return tensor;
  const source = widenedFrom(tensor);
  if (source && dtypeOf(source) === dtype) return source;
  return rawOp("Cast", [tensor], { DstT: dtype })[0]!;
}

/** Returns the 16-bit tensor that was widened to this float32 tensor, which keeps every value; else undefined. */
function widenedFrom(tensor: tf.Tensor): tf.Tensor | undefined {
  if (tf.getBackend() !== TRACER) return undefined;
  const backend = tf.backend() as TracingBackend;
  const { node, dtype } = backend.toGraphTensor(tensor);
  if (node.op !== "Cast" || dtype !== "float32") return undefined;
  const source = node.inputs[0]!;
  return source.dtype === "bfloat16" || source.dtype === "float16" ? backend.toTensor(source) : undefined;
}
