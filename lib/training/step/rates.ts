// The learning rates of a step, for the head and the backbone.
import { UserError } from "../../common/errors";
import type { OptimiserSettings } from "../../config/optimiser";
import type { StageSettings } from "../../config/parts";
import { isBackboneFrozen, learningRate, type Position } from "./schedule";

/** Learning rates of a step. */
export interface LearningRates {
  /** Learning rate of neck and head. */
  head: number;
  /** Learning rate of the backbone; 0 if the step does not change it. */
  backbone: number;
}

/** Returns the learning rates at a position of a run. @param byHand overrides the schedule's */
export function ratesAt(
  config: OptimiserSettings & StageSettings,
  position: Position,
  stepsPerEpoch: number,
  byHand?: LearningRates,
): LearningRates {
  const isFrozen = config.stage === "frozen" || isBackboneFrozen(config, position.epoch);
  const head = byHand?.head ?? learningRate(config, position, stepsPerEpoch);
  const backbone = byHand?.backbone ?? head * config.backboneLrFactor;
  return { head, backbone: isFrozen ? 0 : backbone };
}

/** Returns the rates unchanged. @throws UserError if a rate is negative or no finite number */
export function checkedRates(rates: LearningRates): LearningRates {
  for (const rate of Object.values(rates)) {
    if (Number.isFinite(rate) && rate >= 0) continue;
    throw new UserError(`Expected a learning rate of 0 or more, got ${rate}.`, "For example 1e-4.");
  }
  return rates;
}
