// AdamW as in its paper, on eager tensors: the reference for the traced, fused one.
import type { BetaSettings } from "guie/dist/config/optimiser";
import { tf } from "guie/dist/engine/native/tf";
import type { AdamRates } from "guie/dist/training/step/optimizer";

/** A weight with its two running moments. */
export interface AdamState {
  value: tf.Tensor;
  firstMoment: tf.Tensor;
  secondMoment: tf.Tensor;
}

/** Computes one step; https://arxiv.org/abs/1711.05101, with `adamRates`' corrections. */
export function plainAdamW(
  state: AdamState,
  gradient: tf.Tensor,
  rates: AdamRates<number>,
  betas: BetaSettings,
): AdamState {
  // Rounded to float32: 1 - 0.999 is then off by 1.3e-5, relative.
  const [BETA_1, BETA_2] = [Math.fround(betas.beta1), Math.fround(betas.beta2)];
  const firstMoment = tf.add(tf.mul(state.firstMoment, BETA_1), tf.mul(gradient, 1 - BETA_1));
  const secondMoment = tf.add(tf.mul(state.secondMoment, BETA_2), tf.mul(tf.square(gradient), 1 - BETA_2));
  const update = tf.div(firstMoment, tf.add(tf.sqrt(secondMoment), rates.epsilon));
  const value = tf.sub(tf.mul(state.value, rates.keep), tf.mul(update, rates.stepSize));
  return { value, firstMoment, secondMoment };
}
