// Gradient checkpointing: computes activations again in the backward pass.
import { tf } from "../native/tf";
import { engineState } from "../native/tfjs_engine";
import { after } from "./order";

/**
 * Gradient checkpointing: the value of `body(...inputs)`, of which only the inputs are kept. The backward pass
 * computes the rest again, once the gradient of the value is there: not earlier, which would keep it all the same.
 * PyTorch: `torch.utils.checkpoint`.
 * @param body tfjs operations on the inputs alone; what else it uses gets no gradient
 * @see https://arxiv.org/abs/1604.06174
 */
export function recompute<T extends tf.Tensor>(body: (...inputs: tf.Tensor[]) => T, inputs: tf.Tensor[]): T {
  const operation = tf.customGrad((...args) => {
    const save = args.pop() as unknown as tf.GradSaveFunc;
    save(args as tf.Tensor[]);
    const value = body(...(args as tf.Tensor[]));
    const gradFunc = (dy: tf.Tensor, kept: tf.Tensor[]) =>
      withOwnTape(() => {
        const late = kept.map((tensor) => after(tensor, [dy]));
        return tf.grads(body)(late, dy);
      });
    return { value, gradFunc };
  });
  return operation(...inputs) as T;
}

/** Runs a gradient within a gradient; tfjs would forget the outer one's tape. */
function withOwnTape<T>(body: () => T): T {
  const state = engineState();
  const { activeTape } = state;
  try {
    return body();
  } finally {
    state.activeTape = activeTape;
  }
}
