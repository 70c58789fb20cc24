// Readings of runs: before they start, when they have ended, and side by side.
import { percent, scoreText } from "../../common/words";
import type { MarginSettings } from "../../config/loss";
import type { ScheduleSettings } from "../../config/optimiser";
import type { RunView } from "../../runs/follow";
import type { RetrievalMetric } from "../../runs/metrics";
import { marginOf } from "../../training/step/schedule";
import type { Drawing } from "../output/drawing";
import { gains, reading } from "./reading";

/**
 * Reads the schedules of runs: how far the rate rises, and how the margin moves.
 * @example
 * await show(scheduleReading({ frozen: preset("demo", "frozen") }));
 */
export function scheduleReading(configs: Record<string, ScheduleSettings & MarginSettings>): Drawing {
  const parts = Object.entries(configs).map(([name, config]) => {
    const [first, last] = [1, config.nEpochs].map((epoch) => marginOf(config, epoch));
    const margin = first === last ? `a margin of ${first}` : `a margin that goes from ${first} to ${last}`;
    return `${name} peaks at ${config.initLr}, with ${margin}`;
  });
  return reading(
    `${parts.join("; ")}.`,
    "A bad sign is a peak so high that the loss rises, or so low that it hardly moves: Experiments' range test finds `initLr`. A margin that is too large for the data keeps the loss high: lower `margin`.",
  );
}

/** A row of `estimateRuns`. */
type Estimate = Readonly<Record<string, unknown>>;

/**
 * Reads what runs will take: the longest, and the most memory.
 * @param rows of `estimateRuns`
 * @example
 * await show(costReading(await estimateRuns({ frozen: preset("demo", "frozen") })));
 */
export function costReading(rows: readonly Estimate[]): Drawing {
  const times = rows.map(({ run, together }) => `${run} takes about ${together}`);
  const memoryMB = Math.max(...rows.map((row) => Number(row["memory, MB"])));
  return reading(
    `${times.join(", ")}; the most memory is ${(memoryMB / 1000).toFixed(1)} GB.`,
    "A bad sign is more memory than the machine has: lower `batchSize`, or set `gradientCheckpointing: true` or a larger `accumulationSteps`. Too slow: lower `maxStepsPerEpoch`, `imageSize` or `trainedBlocks`.",
  );
}

/**
 * Reads the end of a run: the scores of its last epoch, the best epoch, and whether training longer would help.
 * @example
 * await show(runReading(await watchRun("demo_frozen")));
 */
export function runReading({ steps, validations, retrievals }: RunView): Drawing {
  const lastStep = steps.at(-1);
  if (!lastStep) return reading("The run has no step yet.");
  const validation = validations.at(-1);
  return reading(
    `After ${lastStep.step} steps the training loss is ${lastStep.loss.toFixed(2)}.`,
    validation
      ? `${percent(validation.top1)} of the validation images, of classes that it trains on, get their class.`
      : "",
    retrievals.length > 0 ? heldOutSentence(retrievals) : "",
    "A bad sign is a loss that rises or does not move: change `initLr` by a factor of three.",
  );
}

function heldOutSentence(retrievals: readonly RetrievalMetric[]): string {
  const last = retrievals.at(-1)!;
  const best = retrievals.reduce((a, b) => (b.mp5 > a.mp5 ? b : a));
  const start = `On held-out classes mP@5 is ${scoreText(last.mp5)}`;
  if (retrievals.length === 1) return `${start}.`;
  if (scoreText(best.mp5) === scoreText(last.mp5) && best.epoch !== last.epoch)
    return `${start}, as after epoch ${best.epoch}: more epochs change little.`;
  if (best.epoch === last.epoch) return `${start}, its highest: more epochs may help.`;
  return `${start}, below the ${scoreText(best.mp5)} of epoch ${best.epoch}: later epochs learn the training classes by heart, take fewer.`;
}

/**
 * Reads two runs side by side: what the second has gained on held-out classes, and what both have over no training.
 * @example
 * await show(gainReading(await watchRun("demo_frozen"), await watchRun("demo_fine_tune")));
 */
export function gainReading(before: RunView, after: RunView): Drawing {
  const [was, is] = [before, after].map(({ retrievals }) => retrievals.at(-1));
  if (!was || !is) return reading("No classes are held out: only losses can be compared.");
  if (was.on?.fingerprint !== is.on?.fingerprint)
    return reading("These runs are scored on different queries: their scores cannot be compared.");
  const untrained = is.untrained?.backbone?.mp5;
  return reading(
    `Fine-tuning ${gains(is.mp5 - was.mp5)} of mP@5 against the neck alone: ${scoreText(was.mp5)} becomes ${scoreText(is.mp5)}.`,
    untrained === undefined ? "" : `Without any training it is ${scoreText(untrained)}.`,
    "Whether the gain is certain is Inference's question. A bad sign is a loss of mP@5 while the training loss falls: the backbone forgets; lower `backboneLrFactor`, or train fewer steps.",
  );
}
