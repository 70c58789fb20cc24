// The precision of matrix products. In a traced function they can run in 16 bits: half the memory, and twice the speed
// on a device that computes in them. Sums, softmax, LayerNorm, activations, loss and weights stay float32.
import type { OptimiserSettings } from "../config/optimiser";
import type { tf } from "../engine/native/tf";
import { castTo, dtypeOf } from "../engine/tracing/cast";

/** What matrix products compute in. float16 needs loss scaling when it trains. */
export type Precision = OptimiserSettings["precision"];

/** Casts an operand of a matrix product to a precision, or to the dtype of another tensor. Only traced functions cast. */
export function narrow<T extends tf.Tensor>(tensor: T, to: Precision | tf.Tensor): T {
  return castTo(tensor, typeof to === "string" ? to : dtypeOf(to)) as T;
}

/** The tensor as float32. */
export function widen<T extends tf.Tensor>(tensor: T): T {
  return castTo(tensor, "float32") as T;
}
