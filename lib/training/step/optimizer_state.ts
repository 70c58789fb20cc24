// The variables that a training step has besides the weights.
import type { OptimiserSettings } from "../../config/optimiser";
import type { Program } from "../../engine/program/program";
import { accumulatedOf, firstMomentOf, secondMomentOf } from "../../model/weight_names";
import { LOSS_SCALE_START } from "./loss_scale";

type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * Declares the optimizer's variables and gives them their first values: two moments of each trained weight, the loss
 * scale in float16, and the sums of gradients where a batch goes through in pieces.
 * @param trained shapes of the trained weights by name
 * @returns shapes of those that belong into a checkpoint: all but the sums, which are zero between two steps
 */
export async function declareOptimizer(
  program: Program,
  trained: Shapes,
  config: Pick<OptimiserSettings, "precision" | "accumulationSteps">,
): Promise<Shapes> {
  const kept = new Map<string, readonly number[]>();
  for (const [name, shape] of trained) {
    kept.set(firstMomentOf(name), shape);
    kept.set(secondMomentOf(name), shape);
  }
  if (config.precision === "float16") for (const name of Object.keys(LOSS_SCALE_START)) kept.set(name, []);
  const sums = [...trained].map(([name, shape]) => [accumulatedOf(name), shape] as const);
  const declared = [...kept, ...(config.accumulationSteps > 1 ? sums : [])];
  for (const [name, shape] of declared) program.variable(name, { shape });
  await program.fillAll(
    declared.map(([name]) => [
      name,
      (memory) => void (memory as Float32Array).fill(LOSS_SCALE_START[name] ?? 0),
    ]),
  );
  return kept;
}
