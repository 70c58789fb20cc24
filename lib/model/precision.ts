// The precision of matrix products. In a traced function they can run in 16 bits: half the memory, and twice the speed
// on a device that computes in them. Sums, softmax, LayerNorm, activations, loss and weights stay float32.
import type { OptimiserSettings } from "../config/optimiser";
import type { tf } from "../engine/native/tf";
import { castTo, dtypeOf } from "../engine/tracing/cast";

/** What matrix products compute in. float16 needs loss scaling when it trains. */
export type Precision = OptimiserSettings["precision"];

let current: Precision = "float32";

/**
 * The matrix products of `body`, and of its gradient, run in this precision. PyTorch: `torch.autocast`.
 * Only traced functions have others than float32.
 */
export function withPrecision<T>(precision: Precision, body: () => T): T {
  const outer = current;
  current = precision;
  try {
    return body();
  } finally {
    current = outer;
  }
}

/** The tensor as an operand of a matrix product: in the dtype of `like`, or in the current precision. */
export function narrow<T extends tf.Tensor>(tensor: T, like?: tf.Tensor): T {
  return castTo(tensor, like ? dtypeOf(like) : current) as T;
}

/** The tensor as float32. */
export function widen<T extends tf.Tensor>(tensor: T): T {
  return castTo(tensor, "float32") as T;
}
