// The precision of matrix products. Traced functions can compute them in 16 bits: half the memory, and twice the speed
// on a device that supports it. Sums, softmax, LayerNorm, activations, loss and weights stay float32.
import type { OptimiserSettings } from "../config/optimiser";
import type { tf } from "../engine/native/tf";
import { castTo, dtypeOf } from "../engine/tracing/cast";

/** The number format of matrix products. Training in float16 needs loss scaling. */
export type Precision = OptimiserSettings["precision"];

/** Casts an operand of a matrix product to a precision, or to another tensor's dtype. Only traced functions cast. */
export function narrow<T extends tf.Tensor>(tensor: T, to: Precision | tf.Tensor): T {
  return castTo(tensor, typeof to === "string" ? to : dtypeOf(to)) as T;
}

/** Casts a tensor to float32. */
export function widen<T extends tf.Tensor>(tensor: T): T {
  return castTo(tensor, "float32") as T;
}
