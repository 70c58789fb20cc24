import { tf } from "../tensorflow/tf";

/** PyTorch's defaults of `torch.optim.AdamW`. */
const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

/** One trained weight with its two running moments. */
export interface Parameter {
  name: string;
  value: tf.Variable;
  /** PyTorch: `exp_avg`. */
  firstMoment: tf.Variable;
  /** PyTorch: `exp_avg_sq`. */
  secondMoment: tf.Variable;
}

/** Moments of zeros beside a value. */
export function createParameter(name: string, value: tf.Variable): Parameter {
  const zeros = () => tf.tidy(() => tf.variable(tf.zerosLike(value), false));
  return { name, value, firstMoment: zeros(), secondMoment: zeros() };
}

/**
 * One step of AdamW with decoupled weight decay, in place.
 * @param step from 1: for the bias correction
 * @see https://arxiv.org/abs/1711.05101, PyTorch `torch.optim.AdamW`
 */
export function adamW(
  parameter: Parameter,
  gradient: tf.Tensor,
  step: number,
  learningRate: number,
  weightDecay: number,
): void {
  tf.tidy(() => {
    const { value, firstMoment, secondMoment } = parameter;
    firstMoment.assign(tf.add(tf.mul(firstMoment, BETA_1), tf.mul(gradient, 1 - BETA_1)));
    secondMoment.assign(tf.add(tf.mul(secondMoment, BETA_2), tf.mul(tf.square(gradient), 1 - BETA_2)));
    // lr m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps), the two corrections drawn into one factor and eps
    const correction = Math.sqrt(1 - BETA_2 ** step);
    const stepSize = (learningRate * correction) / (1 - BETA_1 ** step);
    const update = tf.div(firstMoment, tf.add(tf.sqrt(secondMoment), EPSILON * correction));
    value.assign(tf.sub(tf.mul(value, 1 - learningRate * weightDecay), tf.mul(update, stepSize)));
  });
}
