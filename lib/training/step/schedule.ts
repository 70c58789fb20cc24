// The schedules of the learning rate and of the ArcFace margin.
import type { MarginSettings } from "../../config/loss";
import type { OptimiserSettings, ScheduleSettings } from "../../config/optimiser";

/** A position in a run; both numbers count from 1. */
export interface Position {
  epoch: number;
  /** Step within the epoch. */
  stepInEpoch: number;
}

/** Share of the run for the warm-up of the `cosine` schedule, a usual value. */
const COSINE_WARM_UP_SHARE = 0.1;

/**
 * Returns the learning rate of neck and head at a position; the backbone's is this times `backboneLrFactor`.
 * @example
 * learningRate(config, { epoch: 1, stepInEpoch: 10 }, 79)
 */
export function learningRate(config: ScheduleSettings, position: Position, stepsPerEpoch: number): number {
  return SCHEDULES[config.lrSchedule](config, position, stepsPerEpoch);
}

const SCHEDULES: Record<ScheduleSettings["lrSchedule"], typeof learningRate> = {
  original: originalSchedule,
  cosine: cosineSchedule,
};

/**
 * Computes the original's schedule. In the warm-up epochs the rate rises linearly per step, by 0.01 + 0.99 k/T for
 * k = 0 .. T-1, which does not reach 1. Later each epoch has one value, 0.5 init (1 + cos(pi epoch / (n_epochs + 1))),
 * because the published code adds 1 to n_epochs before its loop.
 */
function originalSchedule(
  config: ScheduleSettings,
  { epoch, stepInEpoch }: Position,
  stepsPerEpoch: number,
): number {
  if (epoch <= config.warmUpEpochs) {
    const warmUpSteps = config.warmUpEpochs * stepsPerEpoch;
    const step = (epoch - 1) * stepsPerEpoch + stepInEpoch;
    return config.initLr * (0.01 + (0.99 * (step - 1)) / warmUpSteps);
  }
  return 0.5 * config.initLr * (1 + Math.cos((Math.PI * epoch) / (config.nEpochs + 1)));
}

/**
 * Computes a linear warm-up over the first tenth of all steps, then half a cosine that ends one step after the last.
 */
function cosineSchedule(
  config: ScheduleSettings,
  { epoch, stepInEpoch }: Position,
  stepsPerEpoch: number,
): number {
  const totalSteps = config.nEpochs * stepsPerEpoch;
  const step = (epoch - 1) * stepsPerEpoch + stepInEpoch;
  const warmUpSteps = Math.ceil(totalSteps * COSINE_WARM_UP_SHARE);
  if (step <= warmUpSteps) return (config.initLr * step) / warmUpSteps;
  const share = (step - warmUpSteps) / (totalSteps - warmUpSteps + 1);
  return config.finalLr + 0.5 * (config.initLr - config.finalLr) * (1 + Math.cos(Math.PI * share));
}

/** Tells whether an epoch (from 1) trains only neck and head. */
export function isBackboneFrozen(
  config: Pick<OptimiserSettings, "nEpochs" | "frozenEpochs">,
  epoch: number,
): boolean {
  return epoch > config.nEpochs - config.frozenEpochs;
}

/**
 * Returns ArcFace's margin in an epoch (from 1), radians: it grows by `marginStep` up to `marginMax`.
 * @example
 * marginOf({ margin: 0.3, marginStep: 0.1, marginMax: 0.8 }, 2) // 0.4
 */
export function marginOf(config: MarginSettings, epoch: number): number {
  return Math.min(config.margin + config.marginStep * (epoch - 1), Math.max(config.margin, config.marginMax));
}
