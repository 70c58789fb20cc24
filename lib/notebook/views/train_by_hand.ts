// The trainer in the kernel, for stepping by hand.
import type { TrainingSettings } from "../../config/parts";
import { buildTraining, type TrainingSetup } from "../../training/build";

let current: TrainingSetup | undefined;

/**
 * Builds the trainer of a config in this kernel, and frees the one built before: the cells that step by hand can be run
 * again, one by one or from the first.
 * @example
 * const setup = await trainByHand(preset("demo", "frozen"));
 */
export async function trainByHand(config: TrainingSettings): Promise<TrainingSetup> {
  current?.trainer.dispose();
  current = undefined;
  current = await buildTraining(config);
  return current;
}
