// AdamW as in its paper, on eager tensors: the reference for the traced, fused one.
import { tf } from "guie/dist/engine/native/tf";
import type { AdamRates } from "guie/dist/training/step/optimizer";

/** Rounded to float32: 1 - 0.999 is then off by 1.3e-5, relative. */
const [BETA_1, BETA_2] = [Math.fround(0.9), Math.fround(0.999)];

/** A weight with its two running moments. */
export interface AdamState {
  value: tf.Tensor;
  firstMoment: tf.Tensor;
  secondMoment: tf.Tensor;
}

/** Computes one step; https://arxiv.org/abs/1711.05101, with `adamRates`' corrections. */
export function plainAdamW(state: AdamState, gradient: tf.Tensor, rates: AdamRates<number>): AdamState {
  const firstMoment = tf.add(tf.mul(state.firstMoment, BETA_1), tf.mul(gradient, 1 - BETA_1));
  const secondMoment = tf.add(tf.mul(state.secondMoment, BETA_2), tf.mul(tf.square(gradient), 1 - BETA_2));
  const update = tf.div(firstMoment, tf.add(tf.sqrt(secondMoment), rates.epsilon));
  const value = tf.sub(tf.mul(state.value, rates.keep), tf.mul(update, rates.stepSize));
  return { value, firstMoment, secondMoment };
}
