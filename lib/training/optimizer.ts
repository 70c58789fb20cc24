import { tf } from "../tensorflow/tf";

/** PyTorch's defaults of `torch.optim.AdamW`. */
const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

/** A trained weight with its two running moments, before or after a step. */
export interface AdamState {
  value: tf.Tensor;
  /** PyTorch: `exp_avg`. */
  firstMoment: tf.Tensor;
  /** PyTorch: `exp_avg_sq`. */
  secondMoment: tf.Tensor;
}

/** The numbers of one step that do not depend on the weight: computed outside, fed as scalars. */
export interface AdamRates<T> {
  /** Learning rate with both bias corrections in it. */
  stepSize: T;
  /** Epsilon with the second moment's bias correction in it. */
  epsilon: T;
  /** 1 - learning rate x weight decay. */
  keep: T;
}

/**
 * The rates of a step.
 * @param step from 1: for the bias corrections
 */
export function adamRates(step: number, learningRate: number, weightDecay: number): AdamRates<number> {
  // lr m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps), the two corrections drawn into one factor and eps
  const correction = Math.sqrt(1 - BETA_2 ** step);
  return {
    stepSize: (learningRate * correction) / (1 - BETA_1 ** step),
    epsilon: EPSILON * correction,
    keep: 1 - learningRate * weightDecay,
  };
}

/**
 * One step of AdamW with decoupled weight decay.
 * @see https://arxiv.org/abs/1711.05101, PyTorch `torch.optim.AdamW`
 */
export function adamW(state: AdamState, gradient: tf.Tensor, rates: AdamRates<tf.Scalar>): AdamState {
  const firstMoment = tf.add(tf.mul(state.firstMoment, BETA_1), tf.mul(gradient, 1 - BETA_1));
  const secondMoment = tf.add(tf.mul(state.secondMoment, BETA_2), tf.mul(tf.square(gradient), 1 - BETA_2));
  const update = tf.div(firstMoment, tf.add(tf.sqrt(secondMoment), rates.epsilon));
  const value = tf.sub(tf.mul(state.value, rates.keep), tf.mul(update, rates.stepSize));
  return { value, firstMoment, secondMoment };
}
