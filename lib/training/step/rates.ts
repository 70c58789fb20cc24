// The two learning rates of a step.
import { UserError } from "../../common/errors";
import type { OptimiserSettings } from "../../config/optimiser";
import type { StageSettings } from "../../config/parts";
import { isBackboneFrozen, learningRate, type Position } from "./schedule";

/** Learning rates of a step. */
export interface LearningRates {
  /** Neck and head. */
  head: number;
  /** 0 where the step leaves the backbone as it is. */
  backbone: number;
}

/** The learning rates at a position of a run. @param byHand these instead of the schedule's */
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

/** @throws UserError when a rate is no number of 0 or more */
export function checkedRates(rates: LearningRates): LearningRates {
  for (const rate of Object.values(rates)) {
    if (Number.isFinite(rate) && rate >= 0) continue;
    throw new UserError(`A learning rate is a number of 0 or more; given was ${rate}.`, "For example 1e-4.");
  }
  return rates;
}
