// A trainer in the kernel, for stepping by hand.
import type { TrainingSettings } from "../../config/parts";
import { buildTraining, type TrainingSetup } from "../../training/build";

let current: TrainingSetup | undefined;

/**
 * Builds the trainer of a config in this kernel, in place of the one that it built before, whose memory is freed: the
 * cells that step by hand can be run again, one by one or from the first.
 * @example
 * const setup = await trainByHand(preset("demo", "frozen"));
 */
export async function trainByHand(config: TrainingSettings): Promise<TrainingSetup> {
  current?.trainer.dispose();
  current = undefined;
  current = await buildTraining(config);
  return current;
}
