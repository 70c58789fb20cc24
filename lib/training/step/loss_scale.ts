// Dynamic loss scaling: float16 loses gradients below 6e-8, so the loss is scaled up before the backward pass, and the
// gradients are scaled down after it. Same constants as PyTorch's `torch.amp.GradScaler`.

import type { OptimiserSettings } from "../../config/optimiser";
import { floatsOf } from "../../engine/native/dtypes";
import { tf } from "../../engine/native/tf";
import type { Program } from "../../engine/program/program";
import type { TracedVariables } from "../../engine/program/traced_variables";
import { OPTIMIZER_PREFIX, SKIPPED_STEPS } from "../../model/weight_names";

const SCALE = `${OPTIMIZER_PREFIX}loss_scale`;
const GOOD_STEPS = `${OPTIMIZER_PREFIX}good_steps`;
/** The scale doubles after this many steps without an overflow, and halves at each overflow. */
const GROWTH_INTERVAL = 2000;

/** Initial values of loss scaling's scalar variables. */
export const LOSS_SCALE_START: Readonly<Record<string, number>> = {
  [SCALE]: 65536,
  [GOOD_STEPS]: 0,
  [SKIPPED_STEPS]: 0,
};

/** Returns the current factor of the loss. */
export function lossScale(variables: TracedVariables): tf.Scalar {
  return variables.read(SCALE) as tf.Scalar;
}

/**
 * Counts the steps that have changed the weights, including the next one. AdamW's bias corrections use this count,
 * since steps with overflowing gradients are skipped, as by PyTorch's GradScaler.
 * @param step the next step, from 1
 */
export async function stepsApplied(
  program: Pick<Program, "read">,
  { precision }: Pick<OptimiserSettings, "precision">,
  step: number,
): Promise<number> {
  if (precision !== "float16") return step;
  return step - floatsOf(await program.read(SKIPPED_STEPS))[0]!;
}

/** Returns a bool scalar: whether all gradients are finite. */
export function allFinite(gradients: readonly tf.Tensor[]): tf.Tensor {
  return tf.all(tf.stack(gradients.map((gradient) => tf.all(tf.isFinite(gradient)))));
}

/** Traces the update of the scale after a step. */
export function updateLossScale(variables: TracedVariables, finite: tf.Tensor): void {
  const scale = lossScale(variables);
  const goodSteps = tf.add(variables.read(GOOD_STEPS), 1);
  const grows = tf.greaterEqual(goodSteps, GROWTH_INTERVAL);
  const grown = tf.where(grows, tf.mul(scale, 2), scale);
  variables.assign(SCALE, tf.where(finite, grown, tf.div(scale, 2)));
  const counts = tf.logicalAnd(finite, tf.logicalNot(grows));
  const skipped = variables.read(SKIPPED_STEPS);
  variables.assign(SKIPPED_STEPS, tf.where(finite, skipped, tf.add(skipped, 1)));
  variables.assign(GOOD_STEPS, tf.where(counts, goodSteps, tf.zerosLike(goodSteps)));
}
