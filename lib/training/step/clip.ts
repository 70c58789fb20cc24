// Gradient clipping by the norm of all gradients.
import { tf } from "../../engine/native/tf";

/** As in PyTorch: keeps a norm of 0 from dividing by 0. */
const EPSILON = 1e-6;

/**
 * Traces the factor that shortens all gradients together to a norm of at most `clipNorm`; 1 if they are shorter.
 * @param scale the loss scale that the gradients are multiplied by, if any; the norm is that without it
 * @see PyTorch `torch.nn.utils.clip_grad_norm_`, open_clip `--grad-clip-norm`
 */
export function clipFactor(
  gradients: readonly tf.Tensor[],
  clipNorm: number,
  scale: tf.Scalar = tf.scalar(1),
): tf.Scalar {
  // Divided first: the squares of scaled gradients would overflow
  const squares = gradients.map((gradient) => tf.sum(tf.square(tf.div(gradient, scale))));
  const norm = tf.sqrt(tf.addN(squares));
  return tf.minimum(tf.scalar(1), tf.div(clipNorm, tf.add(norm, EPSILON)));
}
