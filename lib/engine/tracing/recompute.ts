// Gradient checkpointing: recomputes activations in the backward pass.
import { tf } from "../native/tf";
import { engineState } from "../native/tfjs_engine";
import { after } from "./order";

/**
 * Computes `body(...inputs)` and keeps only the inputs for the gradient. The backward pass recomputes the rest once
 * the gradient of the value is there; earlier, the activations would stay in memory anyway. May be called while
 * tracing and in eager code. PyTorch: `torch.utils.checkpoint`.
 * @param body tfjs operations on the inputs alone; other tensors that it uses get no gradient
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

/** Runs a gradient within a gradient and restores the outer one's tape, which tfjs would lose. */
function withOwnTape<T>(body: () => T): T {
  const state = engineState();
  const { activeTape } = state;
  try {
    return body();
  } finally {
    state.activeTape = activeTape;
  }
}
