// Readings of experiments: rates and settings tried, a trainer looked into, weights averaged.
import { counted, percent, scoreText } from "../../common/words";
import type { LrFind } from "../../experiments/lr_find";
import type { SearchRow } from "../../experiments/search_rows";
import type { Soup } from "../../experiments/soup";
import { bestRun, type SweepRun } from "../../experiments/sweep";
import type { WiseLine } from "../../experiments/wise_ft";
import type { StepMetric } from "../../runs/metrics";
import type { ExaminedImage } from "../../training/examine";
import type { GradientNorm } from "../../training/loop/gradient_norms";
import type { Drawing } from "../output/drawing";
import { gains, largest, reading } from "./reading";

/** Rates that differ by less than this factor are as good as equal. */
const SAME_RATE = 3;

/**
 * Reads a range test: whether the config's rate lies where the loss falls.
 * @example
 * await show(rateReading(await lrFind(preset("demo", "frozen"))));
 */
export function rateReading({ initLr, valley, steepest }: LrFind): Drawing {
  const [least, most] = [Math.min(valley, steepest), Math.max(valley, steepest)];
  const isSmall = initLr < least / SAME_RATE;
  const isLarge = initLr > most * SAME_RATE;
  const place = isSmall ? "is lower than both" : isLarge ? "is higher than both" : "lies there";
  return reading(
    `The loss falls fastest between ${least} and ${most}; the config's ${initLr} ${place}.`,
    isSmall || isLarge ? `Try \`initLr: ${steepest}\`.` : "Keep it.",
    "A bad sign is a curve without a fall: the weights have been trained already, or labels and images do not belong together.",
  );
}

/**
 * Reads a sweep: the best settings, and whether they lie at an end of what was tried.
 * @example
 * await show(sweepReading(await sweep(config, { margin: [0.2, 0.3] })));
 */
export function sweepReading({ runs }: { runs: readonly SweepRun[] }): Drawing {
  const best = runs[bestRun(runs)];
  const measured = runs.flatMap((run) => run.mp5 ?? run.top1 ?? []);
  const value = best && (best.mp5 ?? best.top1);
  if (!best || value === undefined) return reading("No run has finished.");
  const settings = Object.entries(best.settings).map(([name, setting]) => `\`${name}: ${setting}\``);
  const ends = Object.entries(best.settings).flatMap(([name, setting]) => {
    const tried = runs.map(({ settings }) => Number(settings[name as keyof typeof settings]));
    const [least, most] = [Math.min(...tried), Math.max(...tried)];
    if (!(least < most)) return [];
    return setting === least ? [`lower ${name}`] : setting === most ? [`higher ${name}`] : [];
  });
  const measure = best.mp5 === undefined ? "top-1" : "mP@5";
  return reading(
    `Best of ${runs.length} is ${settings.join(", ")} with ${measure} ${scoreText(value)}; the worst has ${scoreText(Math.min(...measured))}.`,
    ends.length > 0
      ? `It lies at the end of what was tried: a ${ends.join(" and a ")} may be better still.`
      : "Values on either side are worse: the range holds the best one.",
    "A bad sign is to believe the winner: one seed, few classes. The next table tells what is more than luck.",
  );
}

/**
 * Reads a comparison of settings over seeds: which variations are better or worse, and which are undecided.
 * @example
 * await show(tuneReading(await tune(config, ["margin=0.3"], { seeds: [1, 2] })));
 */
export function tuneReading({ rows }: { rows: readonly SearchRow[] }): Drawing {
  const compared = rows.filter(({ difference }) => difference !== undefined);
  if (compared.length === 0)
    return reading("No variation has finished with a seed of the settings as they are.");
  const sentences = compared.map(({ setting, difference, verdict, seeds }) => {
    const { mean, low, high, spread } = difference!;
    const between = spread === undefined ? "" : `, ${scoreText(spread)} between the seeds`;
    return `${setting} ${gains(mean)} over ${counted(seeds.length, "seed")} (95 %: ${scoreText(low)} to ${scoreText(high)}${between}): ${verdict}.`;
  });
  return reading(
    ...sentences,
    compared.some(({ verdict }) => verdict === "better")
      ? "A better one can go into Train's `frozen`; score that run once on the held-out classes."
      : "Keep the settings as they are: nothing here is surely better.",
    "A bad sign is a spread as large as the difference: take more seeds, or longer runs.",
  );
}

/**
 * Reads steps that were taken by hand.
 * @example
 * await show(stepsReading([(await trainer.step())!]));
 */
export function stepsReading(steps: readonly Pick<StepMetric, "loss" | "learningRate">[]): Drawing {
  const [first, last] = [steps[0], steps.at(-1)];
  if (!first || !last) return reading("No step was taken.");
  const losses = steps.map(({ loss }) => loss);
  const width = Math.max(...losses) - Math.min(...losses);
  return reading(
    `The loss goes from ${first.loss.toFixed(2)} to ${last.loss.toFixed(2)} in ${counted(steps.length, "step")}; it moves by ${width.toFixed(2)} from batch to batch, so a few steps show no trend.`,
    "A bad sign is a loss that is not finite, or that grows with every step: the rate is too high.",
  );
}

/**
 * Reads margins of single images: how many are on the wrong side, and by how little the others are right.
 * @example
 * await show(marginReading(await examineImages(setup)));
 */
export function marginReading(examined: readonly ExaminedImage[]): Drawing {
  if (examined.length === 0) return reading("There is no validation image.");
  const margins = examined.map(({ margin }) => margin).sort((a, b) => a - b);
  const wrong = margins.filter((margin) => margin < 0).length;
  return reading(
    `${wrong} of ${counted(margins.length, "image")} (${percent(wrong / margins.length)}) are nearer to another class; the median margin is ${margins[Math.floor(margins.length / 2)]!.toFixed(2)}.`,
    "A bad sign is a heap just above 0: these images are right by luck, and another seed turns some of them. More photos of their classes widen the gap.",
  );
}

/**
 * Reads the hardest images: the pair of classes that is mistaken most often among them.
 * @param classNames by label
 * @example
 * await show(hardestReading(await examineImages(setup), 8));
 */
export function hardestReading(
  examined: readonly ExaminedImage[],
  count = 8,
  classNames: ReadonlyMap<number, string> = new Map(),
): Drawing {
  const shown = examined.slice(0, count);
  const [worst] = shown;
  if (!worst) return reading("There is no validation image.");
  const nameOf = (label: number) => classNames.get(label) ?? `class ${label}`;
  const wrong = shown.filter(({ label, predicted }) => label !== predicted).length;
  const taken =
    worst.label === worst.predicted
      ? `${nameOf(worst.label)}, though right`
      : `${nameOf(worst.label)}, taken for ${nameOf(worst.predicted)}`;
  return reading(
    `${wrong} of these ${shown.length} are wrong; the hardest is ${taken}, with a loss of ${worst.loss.toFixed(2)}.`,
    "Look first whether the label is right: a wrong label has the highest loss of all. Correct it in `relabel.csv`, or leave the image out by `exclude.csv`.",
  );
}

/**
 * Reads the gradients of a model's parts, relative to their weights.
 * @example
 * await show(gradientReading(await gradientNorms(setup.trainer)));
 */
export function gradientReading(norms: readonly GradientNorm[]): Drawing {
  const finite = norms.filter(({ ratio }) => Number.isFinite(ratio) && ratio > 0);
  const most = largest(finite, ({ ratio }) => ratio);
  const least = largest(finite, ({ ratio }) => -ratio);
  if (!most || !least) return reading("No part has a gradient.");
  return reading(
    `The gradient is largest in ${most.part} (${most.ratio.toPrecision(2)} times its weights) and least in ${least.part} (${least.ratio.toPrecision(2)}): ${Math.round(most.ratio / least.ratio).toLocaleString("en")} times less.`,
    "AdamW divides a gradient by its own size, so this says nothing about the step; `backboneLrFactor` and `layerDecay` do. Bad signs are parts at 0 (they learn nothing) and blocks that grow towards the input by powers of ten (the training will not be stable).",
  );
}

/**
 * Reads a soup: what is in it, and whether the mean is better than the best of its ingredients.
 * @example
 * await show(soupReading(await makeSoup(["a", "b"], "soup", { greedy: true })));
 */
export function soupReading({ ingredients, mp5, chosenOn }: Soup): Drawing {
  const taken = ingredients.filter((one) => one.taken);
  const best = largest(
    ingredients.filter((one) => one.mp5 !== undefined),
    (one) => one.mp5!,
  );
  if (mp5 === undefined || best?.mp5 === undefined)
    return reading(`The mean of ${counted(taken.length, "model")}: it was not scored.`);
  const gain =
    taken.length === 1
      ? `it is the best of them alone, mP@5 ${scoreText(mp5)}: every other one lowers it.`
      : `mP@5 ${scoreText(mp5)}, it ${gains(mp5 - best.mp5)} against the best of them.`;
  return reading(
    `Of ${counted(ingredients.length, "model")} the soup takes ${taken.length}; ${gain}`,
    chosenOn === "held-out-classes"
      ? "It was chosen on the held-out classes: its score is too good to report."
      : "It was chosen on training classes that no run has learned.",
    "A bad sign is a soup of one: the models are too far apart to be averaged. Models that differ less, or start from one trained model, average better.",
  );
}

/**
 * Reads the line between a pretrained tower and a fine-tuned one, on the run's own data.
 * @example
 * await show(wiseReading(await wiseLine("demo_fine_tune")));
 */
export function wiseReading({ run, alphas, scores }: WiseLine): Drawing {
  const own = scores[0]!;
  const [backbone, ...points] = own.rows.map((row) => row.scores.mp5.mean);
  const values = alphas.map((alpha, i) => ({ alpha, mp5: points[i]! }));
  const best = largest(values, ({ mp5 }) => mp5)!;
  const take = best.alpha;
  const whole = largest(values, ({ alpha }) => alpha)!;
  const others = scores.slice(1).map(({ dataDir, rows }) => {
    const [before, ...line] = rows.map((row) => row.scores.mp5.mean);
    return `On ${dataDir} the run's end ${gains(line.at(-1)! - before!)} against the untrained backbone.`;
  });
  return reading(
    `Highest is alpha ${best.alpha}: mP@5 ${scoreText(best.mp5)}, against ${scoreText(whole.mp5)} of ${run} itself and ${scoreText(backbone!)} of the untrained backbone.`,
    best.alpha === 0
      ? "The pretrained tower is best with this neck: fine-tuning has gained nothing here."
      : best.alpha < whole.alpha
        ? `A part of the way is better: \`npx guie soup backbone ${run} --take ${take} --out NAME\` keeps it.`
        : "The whole way is best here.",
    ...others,
    own.classes === "held-out-classes"
      ? "These classes have chosen it: the score is too good to report."
      : "",
    "A bad sign is a line that falls on other data: fine-tuning has forgotten them; then lower `backboneLrFactor`, or take a smaller alpha.",
  );
}
