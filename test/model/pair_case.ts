// Images of three processes for the tests of the pair losses: numbers, and the loss in one process.
import { randomStream } from "guie/dist/common/random";
import { DEFAULTS } from "guie/dist/config/config";
import type { PairLossSettings } from "guie/dist/config/loss";
import { tf } from "guie/dist/engine/native/tf";
import { l2Normalize } from "guie/dist/model/arcface";
import { pairLoss } from "guie/dist/model/pair_loss";

/** Images of a process, inputs and embedding length. */
export const [B, F, E] = [4, 5, 3];

/** Images of three processes; classes reach over processes. */
export interface PairImages {
  /** [3 B, F], flat. */
  inputs: Float32Array;
  /** [3 B] */
  labels: Int32Array;
  /** A layer that all processes share, [F, E], flat. */
  linear: Float32Array;
}

const random = randomStream(7, "pairs");
const numbers = (count: number) => Float32Array.from({ length: count }, () => random.normal());

/** The images of the test. */
export const PAIRS: PairImages = {
  inputs: numbers(3 * B * F),
  labels: Int32Array.from([0, 0, 1, 2, 0, 1, 2, 3, 3, 1, 2, 0]),
  linear: numbers(F * E),
};

/** Returns the settings of a pair loss. */
export function settingsOf(pair: PairLossSettings["pairLoss"]): PairLossSettings {
  return { ...DEFAULTS, pairLoss: pair };
}

/** Returns loss and gradient of the layer, in one process that has all images. */
export function gradientsOf({ inputs, labels, linear }: PairImages, pair: PairLossSettings["pairLoss"]) {
  const lossOf = (layer: tf.Tensor) => {
    const units = l2Normalize(tf.matMul<tf.Tensor2D>(tf.tensor2d(inputs, [3 * B, F]), layer as tf.Tensor2D));
    return pairLoss(units, tf.tensor1d(labels, "int32"), settingsOf(pair));
  };
  const { value, grad } = tf.valueAndGrad(lossOf)(tf.tensor2d(linear, [F, E]));
  return { loss: value.dataSync()[0]!, linear: [...grad.dataSync()] };
}
