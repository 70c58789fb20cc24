// Learning-rate range test: the loss while the rate grows (Smith, "Cyclical Learning Rates", WACV 2017, section 3.3).
import { UserError } from "../common/errors";
import { checkInterrupt, withSignal } from "../common/interrupt";
import type { TaskOptions } from "../common/progress";
import { overrideConfig } from "../config/config";
import type { Stage } from "../config/run";
import { buildTraining } from "../training/build";

/** Options of a range test. */
export interface LrFindOptions extends TaskOptions {
  /** First and last rate of neck and head. Default: 1e-5 and 1 on features, 1e-6 and 0.1 if all parts train. */
  from?: number;
  to?: number;
  /** Steps at most. Default: 100 on features, 25 if all parts train: each of these takes seconds. */
  steps?: number;
}

/** Losses over growing rates, and the rates that they suggest. */
export interface LrFind {
  stage: Stage;
  /** The config's own rate. */
  initLr: number;
  /** Rate of neck and head at each step; the backbone's is this times `backboneLrFactor`. */
  rates: number[];
  losses: number[];
  /** Means of the losses around each step. */
  smoothed: number[];
  /** Rate in the middle of the longest fall of the loss: fastai's "valley". */
  valley: number;
  /** Rate at which the loss falls fastest. */
  steepest: number;
  /** The reason for fewer steps than planned; "" if all were taken. */
  ended: string;
}

const DEFAULTS = {
  frozen: { from: 1e-5, to: 1, steps: 100 },
  fine_tune: { from: 1e-6, to: 0.1, steps: 25 },
} as const;
/** The test ends when the smoothed loss is this many times the least one. */
const DIVERGED = 2;
/** Share of the steps on either side of a smoothed loss. */
const AROUND = 0.04;
const DIGITS = 2;

/**
 * Trains some steps while the learning rate grows by equal factors, from the weights that a run of this config would start
 * from, on its batches; nothing is written, and the config's own schedule does not count. The same config gives the same
 * losses (on one machine).
 * @throws UserError for a range that does not grow, or a loss that is not finite at the first steps
 * @example
 * const found = await lrFind(preset("demo", "frozen"));
 * await show(lrFigure(found)); // found.valley
 */
export async function lrFind(
  config: Parameters<typeof overrideConfig>[0],
  { signal, onProgress, ...range }: LrFindOptions = {},
): Promise<LrFind> {
  const { from, to, steps } = { ...DEFAULTS[config.stage], ...range };
  if (!(from > 0 && to > from && Number.isFinite(to) && Number.isInteger(steps) && steps >= LEAST_STEPS))
    throw new UserError(
      `A range test goes from a rate above 0 to a larger one in ${LEAST_STEPS} steps or more; it got from ${from} to ${to} in ${steps}.`,
      "Leave them out for the usual range.",
    );
  // As many epochs as the test may need, with the margin of the first one
  const constant = { nEpochs: steps, marginStep: 0, frozenEpochs: 0, emaDecay: 0, swaStartEpoch: 0 } as const;
  const tested = overrideConfig(config, { ...constant, bestOf: "raw", leastSteps: 0 });
  const { trainer } = await buildTraining(tested, { onProgress });
  const rates: number[] = [];
  const losses: number[] = [];
  try {
    const ended = await withSignal(signal, async () => {
      for (let step = 0; step < steps; step++) {
        await checkInterrupt();
        const rate = Number((from * (to / from) ** (step / (steps - 1))).toPrecision(12));
        trainer.setLearningRate(rate);
        const loss = await lossOf(() => trainer.step(), step);
        if (loss === undefined) return `the loss is not finite from the rate ${short(rate)} on`;
        rates.push(rate);
        losses.push(loss);
        onProgress?.({ stage: "range test", done: step + 1, total: steps, unit: "steps" });
        const smoothed = smoothedLosses(losses).at(-1)!;
        if (step >= LEAST_STEPS && smoothed > DIVERGED * Math.min(...losses))
          return `the loss is ${DIVERGED} times its least from the rate ${short(rate)} on`;
      }
      return "";
    });
    const taken = rates.length;
    onProgress?.({ stage: "range test", done: taken, total: taken, unit: "steps" });
    const smoothed = smoothedLosses(losses);
    const { stage, initLr } = config;
    return { stage, initLr, rates, losses, smoothed, ...suggestedRates(rates, smoothed), ended };
  } finally {
    trainer.dispose();
  }
}

const LEAST_STEPS = 10;

/** Takes a step. @returns its loss; undefined if it is not finite after the first steps */
async function lossOf(
  take: () => Promise<{ loss: number } | undefined>,
  step: number,
): Promise<number | undefined> {
  try {
    return (await take())!.loss;
  } catch (error) {
    if (!(error instanceof UserError) || step < LEAST_STEPS) throw error;
    return undefined;
  }
}

/** Returns how many losses on either side a smoothed one is the mean of. */
function reachOf(count: number): number {
  return Math.max(1, Math.round(count * AROUND));
}

/** Returns the mean of each loss and of those around it; fewer at the ends. */
export function smoothedLosses(losses: readonly number[]): number[] {
  const around = reachOf(losses.length);
  return losses.map((_, i) => {
    const reach = Math.min(around, i, losses.length - 1 - i);
    const some = losses.slice(i - reach, i + reach + 1);
    return some.reduce((sum, loss) => sum + loss, 0) / some.length;
  });
}

/**
 * Returns the two rates that a curve suggests, in two digits.
 * @param smoothed smoothed losses, one per rate
 */
export function suggestedRates(
  rates: readonly number[],
  smoothed: readonly number[],
): Pick<LrFind, "valley" | "steepest"> {
  return { valley: short(rates[valleyOf(smoothed)]!), steepest: short(rates[steepestOf(smoothed)]!) };
}

/**
 * Returns the place between which and the next one the loss falls most (rates grow by equal factors). The ends do not
 * count: a loss there is the mean of few, and falls by chance.
 */
function steepestOf(losses: readonly number[]): number {
  const falls = losses.slice(1).map((loss, i) => loss - losses[i]!);
  const reach = falls.length > 2 * reachOf(losses.length) ? reachOf(losses.length) : 0;
  const inner = falls.slice(reach, falls.length - reach);
  return reach + Math.max(0, inner.indexOf(Math.min(...inner)));
}

/** Returns the middle of the longest falling subsequence of the losses, as fastai's `valley` does. */
function valleyOf(losses: readonly number[]): number {
  const lengths = losses.map(() => 1);
  const starts = losses.map((_, i) => i);
  for (let i = 1; i < losses.length; i++)
    for (let j = 0; j < i; j++)
      if (losses[i]! < losses[j]! && lengths[i]! < lengths[j]! + 1) {
        lengths[i] = lengths[j]! + 1;
        starts[i] = starts[j]!;
      }
  const end = lengths.indexOf(Math.max(...lengths));
  return Math.round((starts[end]! + end) / 2);
}

function short(rate: number): number {
  return Number(rate.toPrecision(DIGITS));
}
