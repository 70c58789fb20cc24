// Casts to dtypes that tfjs does not have; called while tracing.
import type { DType } from "../native/dtypes";
import { tf } from "../native/tf";
import { rawOp } from "./raw_op";
import { TRACER, type TracingBackend } from "./tracing_backend";

/** The dtype that a tensor has: in a traced function it may be one that tfjs does not know. */
export function dtypeOf(tensor: tf.Tensor): DType {
  if (tf.getBackend() !== TRACER) return tensor.dtype as DType;
  return (tf.backend() as TracingBackend).toGraphTensor(tensor).dtype;
}

/**
 * The tensor in another dtype, without a gradient of its own. A value that was widened for a while goes back to what
 * it was without a conversion.
 */
export function castTo(tensor: tf.Tensor, dtype: DType): tf.Tensor {
  if (dtypeOf(tensor) === dtype) return tensor;
  const source = widenedFrom(tensor);
  if (source && dtypeOf(source) === dtype) return source;
  return rawOp("Cast", [tensor], { DstT: dtype })[0]!;
}

/** What a float32 tensor was before it was widened; every value of it went through unchanged. */
function widenedFrom(tensor: tf.Tensor): tf.Tensor | undefined {
  if (tf.getBackend() !== TRACER) return undefined;
  const backend = tf.backend() as TracingBackend;
  const { node, dtype } = backend.toGraphTensor(tensor);
  if (node.op !== "Cast" || dtype !== "float32") return undefined;
  const source = node.inputs[0]!;
  return source.dtype === "bfloat16" || source.dtype === "float16" ? backend.toTensor(source) : undefined;
}
