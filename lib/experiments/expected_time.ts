// Whether a run of a sweep ends in the time that is left, by the times of the runs before it.
import type { TimeLimit } from "../common/time_limit";
import type { EstimateSettings } from "../config/parts";
import { measureProductRate } from "../engine/program/product_rate";
import { findTower } from "../model/towers";
import { latestMetrics } from "../runs/metrics";
import { readMetrics } from "../runs/run_folder";
import { estimateRun } from "../training/estimate";

/** What is known of a run: its settings, and its seconds once it has finished. */
interface TimedRun {
  config: EstimateSettings;
  folder: string;
  seconds?: number;
}

/** Returns the reason why a run does not fit into the time that is left; undefined if it does. */
export async function whyLater(
  run: TimedRun,
  runs: readonly TimedRun[],
  limit: TimeLimit,
): Promise<string | undefined> {
  const { step } = latestMetrics(readMetrics(run.folder));
  const ahead = step ? 1 - step.step / step.totalSteps : 1;
  return limit.whyNot(ahead * (await expectedSeconds(run, runs)));
}

/**
 * Returns the expected seconds of a whole run: those of the last finished run that differs in the seed alone; else those
 * of the last finished run of its stage, longer by the estimates of both, and with the features that are missing; else
 * its estimate.
 */
async function expectedSeconds(run: TimedRun, runs: readonly TimedRun[]): Promise<number> {
  const measured = runs.filter(
    ({ config, seconds }) => seconds !== undefined && config.stage === run.config.stage,
  );
  const same = measured.findLast(({ config }) => sameButSeed(config) === sameButSeed(run.config));
  if (same) return same.seconds!;
  const rate = await measureProductRate(findTower(run.config.tower).width);
  const estimate = async ({ config }: TimedRun) => {
    const {
      featureSeconds = 0,
      trainingSeconds = 0,
      evaluationSeconds = 0,
    } = await estimateRun(config, rate);
    return { featureSeconds, ownSeconds: trainingSeconds + evaluationSeconds };
  };
  const { featureSeconds, ownSeconds } = await estimate(run);
  const last = measured.at(-1);
  if (!last) return featureSeconds + ownSeconds;
  const before = (await estimate(last)).ownSeconds;
  return featureSeconds + last.seconds! * Math.max(1, before > 0 ? ownSeconds / before : 1);
}

function sameButSeed(config: EstimateSettings): string {
  return JSON.stringify({ ...config, seed: 0, runName: "", initFrom: "" });
}
