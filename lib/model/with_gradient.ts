// tfjs operations with a gradient of their own.
import { tf } from "../engine/native/tf";

/** A layer's result: its value, and the function from the value's gradient to the inputs' gradients. */
export interface Graded {
  value: tf.Tensor;
  /** Tensors saved for the gradient, kept in memory until it is computed. */
  saved: tf.Tensor[];
  /** @returns one gradient per input, in their order */
  gradient(dy: tf.Tensor2D, saved: tf.Tensor[]): tf.Tensor[];
}

/**
 * Computes a tfjs operation with a gradient of its own. tfjs's tape would keep every intermediate result of the plain
 * expressions (even both sides of an addition) until the whole gradient is done; here everything that is neither value
 * nor saved is freed at once. PyTorch: `torch.autograd.Function`.
 */
export function withGradient(inputs: tf.Tensor[], layer: () => Graded): tf.Tensor2D {
  const operation = tf.customGrad((...args) => {
    const save = args[args.length - 1] as tf.GradSaveFunc;
    const { value, saved, gradient } = layer();
    save(saved);
    return { value, gradFunc: (dy, kept) => tf.tidy(() => gradient(dy as tf.Tensor2D, kept)) };
  });
  return operation(...inputs) as tf.Tensor2D;
}
