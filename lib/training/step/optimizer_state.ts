// Declares the optimizer's variables: moments, loss scale, sums of gradients.
import type { OptimiserSettings } from "../../config/optimiser";
import type { Program } from "../../engine/program/program";
import { accumulatedOf, firstMomentOf, secondMomentOf } from "../../model/weight_names";
import { LOSS_SCALE_START } from "./loss_scale";

type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * Declares and initialises the optimizer's variables: two moments of each trained weight, the loss scale in float16,
 * and the sums of gradients if a batch is divided into pieces.
 * @param trained shapes of the trained weights by name
 * @returns shapes of the variables that belong in a checkpoint: all but the sums, which are zero between steps
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
