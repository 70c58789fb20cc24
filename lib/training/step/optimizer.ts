// One step of AdamW as graph operations.
import { tf } from "../../engine/native/tf";
import type { TracedVariables } from "../../engine/program/traced_variables";
import { after } from "../../engine/tracing/order";
import { rawOp } from "../../engine/tracing/raw_op";
import { firstMomentOf, secondMomentOf } from "../../model/weight_names";

/** Defaults of `torch.optim.AdamW`; the betas rounded to float32, because the kernel computes 1 - beta from these. */
const BETA_1 = Math.fround(0.9);
const BETA_2 = Math.fround(0.999);
const EPSILON = 1e-8;

/** The numbers of a step that do not depend on the weight: computed outside the graph, fed as scalars. */
export interface AdamRates<T> {
  /** Learning rate including both bias corrections. */
  stepSize: T;
  /** Epsilon including the second moment's bias correction. */
  epsilon: T;
  /** 1 - learning rate x weight decay. */
  keep: T;
}

/**
 * Computes the rates of a step.
 * @param step from 1, for the bias corrections; steps that changed nothing do not count (`stepsApplied`)
 */
export function adamRates(step: number, learningRate: number, weightDecay: number): AdamRates<number> {
  // lr m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps), with the corrections moved into one factor and eps
  const correction = Math.sqrt(1 - BETA_2 ** step);
  return {
    stepSize: (learningRate * correction) / (1 - BETA_1 ** step),
    epsilon: EPSILON * correction,
    keep: 1 - learningRate * weightDecay,
  };
}

/** Tells whether weight decay has an effect: at the original's rates, 1 - 1e-4 x 1e-5 is 1 in float32. */
export function hasDecay(learningRate: number, weightDecay: number): boolean {
  return Math.fround(1 - learningRate * weightDecay) !== 1;
}

/**
 * Traces one step of AdamW with decoupled weight decay: first the decay, then TensorFlow's Adam in place on the weight
 * and its moments.
 * @param options.decays false if `keep` is 1 in every step: this saves one read and write of the weight
 * @param options.finite a bool scalar; if it is false, the step changes nothing
 * @see https://arxiv.org/abs/1711.05101, PyTorch `torch.optim.AdamW(fused=True)`
 */
export function applyAdamW(
  variables: TracedVariables,
  name: string,
  gradient: tf.Tensor,
  rates: AdamRates<tf.Scalar>,
  { decays = true, finite }: { decays?: boolean; finite?: tf.Tensor } = {},
): void {
  const unless = (value: tf.Tensor, otherwise: tf.Tensor) =>
    finite ? tf.where(finite, value, otherwise) : value;
  const [one, zero] = [tf.scalar(1), tf.scalar(0)];
  if (decays) {
    // The backward pass reads the old value until the gradient is computed; only then may it be overwritten.
    const before = after(variables.read(name), [gradient]);
    variables.assign(name, tf.mul(before, unless(rates.keep, one)));
  }
  rawOp("ResourceApplyAdam", [
    ...[name, firstMomentOf(name), secondMomentOf(name)].map((name) => variables.handle(name)),
    // The powers of the betas are zero because the rates already include the bias corrections
    zero,
    zero,
    unless(rates.stepSize, zero),
    unless(tf.scalar(BETA_1), one),
    unless(tf.scalar(BETA_2), one),
    rates.epsilon,
    unless(gradient, zero),
  ]);
}
