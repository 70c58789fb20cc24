// One step of AdamW as graph operations.
import type { BetaSettings, OptimiserSettings } from "../../config/optimiser";
import { tf } from "../../engine/native/tf";
import type { TracedVariables } from "../../engine/program/traced_variables";
import { after } from "../../engine/tracing/order";
import { rawOp } from "../../engine/tracing/raw_op";
import { firstMomentOf, secondMomentOf } from "../../model/weight_names";

/** The default of `torch.optim.AdamW`. */
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
export function adamRates(
  step: number,
  learningRate: number,
  { weightDecay, ...betas }: Pick<OptimiserSettings, "weightDecay"> & BetaSettings,
): AdamRates<number> {
  const { beta1, beta2 } = asInKernel(betas);
  // lr m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps), with the corrections moved into one factor and eps
  const correction = Math.sqrt(1 - beta2 ** step);
  return {
    stepSize: (learningRate * correction) / (1 - beta1 ** step),
    epsilon: EPSILON * correction,
    keep: 1 - learningRate * weightDecay,
  };
}

/** Returns the betas rounded to float32, because the kernel computes 1 - beta from these. */
function asInKernel({ beta1, beta2 }: BetaSettings): BetaSettings {
  return { beta1: Math.fround(beta1), beta2: Math.fround(beta2) };
}

/** Options of AdamW's step on one weight. */
export interface AdamWOptions {
  rates: AdamRates<tf.Scalar>;
  betas: BetaSettings;
  /** False if `keep` is 1 in every step, or this weight is not decayed: saves one read and write of it. */
  decays?: boolean;
  /** A bool scalar; if it is false, the step changes nothing. */
  finite?: tf.Tensor | undefined;
}

/** Tells whether weight decay has an effect: at the original's rates, 1 - 1e-4 x 1e-5 is 1 in float32. */
export function hasDecay(learningRate: number, weightDecay: number): boolean {
  return Math.fround(1 - learningRate * weightDecay) !== 1;
}

/**
 * Traces one step of AdamW with decoupled weight decay: first the decay, then TensorFlow's Adam in place on the weight
 * and its moments.
 * @see https://arxiv.org/abs/1711.05101, PyTorch `torch.optim.AdamW(fused=True)`
 */
export function applyAdamW(
  variables: TracedVariables,
  name: string,
  gradient: tf.Tensor,
  { rates, betas, decays = true, finite }: AdamWOptions,
): void {
  const { beta1, beta2 } = asInKernel(betas);
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
    unless(tf.scalar(beta1), one),
    unless(tf.scalar(beta2), one),
    rates.epsilon,
    unless(gradient, zero),
  ]);
}
