// Readings: two or three sentences below a figure, with numbers of this run: what to see, what would be bad, and what
// to change then.
import { escapeHtml } from "../../common/html";
import type { LrFind } from "../../experiments/lr_find";
import type { DatasetConfusion } from "../../retrieval/confusion";
import { ALL_DATASETS, type ComparisonRow } from "../../retrieval/evaluation";
import type { RunView } from "../../runs/follow";
import type { BalanceStage, ClassBalance } from "../../tables/balance";
import type { Drawing } from "../output/drawing";

/** Rates that differ by less than this factor are as good as equal. */
const SAME_RATE = 3;

/** Returns sentences as a paragraph for `show`: escaped, names of settings between backticks as code. */
function reading(...sentences: string[]): Drawing {
  const text = sentences.join(" ");
  const html = escapeHtml(text).replaceAll(/`(\w+)(: [\d.]+)?`/g, "<code>$1$2</code>");
  return { bundle: { "text/html": `<p>${html}</p>`, "text/plain": text } };
}

/**
 * Reads the class sizes before and after balancing.
 * @param balance rows of `classBalance` with both stages
 * @example
 * await show(balanceReading(report.balance, "merged", "balanced"));
 */
export function balanceReading(
  balance: readonly ClassBalance[],
  before: BalanceStage,
  after: BalanceStage,
): Drawing {
  const [was, is] = [before, after].map((stage) => {
    const rows = balance.filter((row) => row.stage === stage);
    return rows.find(({ dataset }) => dataset === ALL_DATASETS) ?? rows[0];
  });
  if (!was || !is) return reading("These steps have not been run.");
  const unevenness = `the Gini coefficient goes from ${was.gini.toFixed(2)} to ${is.gini.toFixed(2)} (0: all classes are equal)`;
  return reading(
    `Classes of ${sizes(was)} images become classes of ${sizes(is)} rows; ${unevenness}.`,
    `${percent(was.shareUnder20)} of the classes had fewer than 20 images: their copies repeat the same pixels, which augmentation alone tells apart.`,
    "Bad is a large share of them: more photos help, a larger `minPerClass` does not.",
  );
}

function sizes({ min, median, max }: ClassBalance): string {
  return `${min} to ${max} (median ${median})`;
}

/**
 * Reads a comparison of models: the best, and what the last one gains over its predecessor.
 * @param rows of `compareOnHeldOut`; those about all queries are read
 * @example
 * await show(comparisonReading(await compareOnHeldOut(config, models)));
 */
export function comparisonReading(rows: readonly ComparisonRow[]): Drawing {
  const overall = rows.filter(({ dataset }) => dataset === ALL_DATASETS);
  const last = overall.at(-1);
  if (!last) return reading("No model was compared.");
  const best = overall.reduce((a, b) => (b.scores.mp5.mean > a.scores.mp5.mean ? b : a));
  const { mean, low, high } = best.scores.mp5;
  return reading(
    `Best is ${best.model}: mP@5 ${score(mean)}, and in 95 % of the draws of classes ${score(low)} to ${score(high)}.`,
    gainSentence(last),
    "Bad is a trained model below the backbone: it has unlearned what it had. Then lower `initLr` or `backboneLrFactor`, or train less.",
  );
}

function gainSentence({ model, against, scores }: ComparisonRow): string {
  const gain = scores.mp5.difference;
  if (!gain || against === undefined) return `${model} is compared with no other model.`;
  const signed = `${gain.mean < 0 ? "loses" : "gains"} ${score(Math.abs(gain.mean))}`;
  const isSure = gain.low > 0 || gain.high < 0;
  const judgement = isSure
    ? "the interval of the difference excludes zero"
    : "the interval of the difference holds zero: so few classes do not decide it";
  return `${model} ${signed} against ${against}; ${judgement}.`;
}

/**
 * Reads which data sets are confused.
 * @param rows of `datasetConfusion`
 * @example
 * await show(confusionReading(datasetConfusion(neighbours.positions, labels)));
 */
export function confusionReading(rows: readonly DatasetConfusion[]): Drawing {
  const wrong = sum(rows.map((row) => row.wrong));
  if (wrong === 0) return reading("Every nearest neighbour is right.");
  const within = sum(rows.map((row) => row.wrong * (row.shares[row.dataset] ?? 0)));
  const queries = sum(rows.map((row) => row.queries));
  return reading(
    `${wrong} of ${queries} queries have a wrong nearest neighbour; of these, ${percent(within / wrong)} come from the query's own data set, on the diagonal.`,
    "Bad are dark cells beside the diagonal: two data sets hold the same things under different names. Search within one data set then, or merge their classes.",
  );
}

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
    "Bad is a curve without a fall: the weights have been trained already, or labels and images do not belong together.",
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
  const sentences = [`After ${lastStep.step} steps the training loss is ${lastStep.loss.toFixed(2)}.`];
  const validation = validations.at(-1);
  if (validation)
    sentences.push(
      `${percent(validation.top1)} of the validation images, of classes that it trains on, get their class.`,
    );
  if (retrievals.length > 0) sentences.push(heldOutSentence(retrievals));
  sentences.push("Bad is a loss that rises or does not move: change `initLr` by a factor of three.");
  return reading(...sentences);
}

function heldOutSentence(retrievals: RunView["retrievals"]): string {
  const last = retrievals.at(-1)!;
  const best = retrievals.reduce((a, b) => (b.mp5 > a.mp5 ? b : a));
  const start = `On held-out classes mP@5 is ${score(last.mp5)}`;
  if (retrievals.length === 1) return `${start}.`;
  if (best.epoch === last.epoch) return `${start}, its highest: more epochs may help.`;
  return `${start}, below the ${score(best.mp5)} of epoch ${best.epoch}: later epochs learn the training classes by heart, take fewer.`;
}

function score(value: number): string {
  return value.toFixed(3);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
