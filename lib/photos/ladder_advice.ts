// What a ladder of models says: the rung that is worth it, with the interval of its difference from the one below.
import { signed } from "../common/words";
import { ALL_DATASETS, type ComparisonRow, type Score } from "../retrieval/evaluation";

/** The rung that a person should use, and why. */
export interface Advice {
  /** The model to use. */
  model: string;
  /** The sentences for people. */
  text: string;
}

/** Scores of fewer held-out classes mean little. */
const FEW_CLASSES = 5;

/**
 * Chooses the rung to use. A rung counts as better only if the whole interval of its difference from the best one below
 * it is above zero. The others above it, and those that are worse, are told with their differences. Where rungs were cross-validated, over more classes than are held out, that decides about them.
 * @param rows the rungs on held-out classes from the bottom, each against the best before it
 * @param crossValidated some of them, cross-validated over all classes
 * @param titles names of rungs for people, by model
 */
export function adviceOf(
  rows: readonly ComparisonRow[],
  crossValidated: readonly ComparisonRow[] = [],
  titles: Readonly<Record<string, string>> = {},
): Advice {
  const title = (model: string) => titles[model] ?? model;
  const isValidated = (model: string) => crossValidated.some((row) => row.model === model);
  const held = rows.filter(({ dataset, model }) => dataset === ALL_DATASETS && !isValidated(model));
  const validated = crossValidated.length > 0;
  const climbed = [...crossValidated, ...held];
  const best = climbed.findLast(({ scores }) => (scores.mp5.difference?.low ?? 0) > 0);
  const base = climbed[0]!;
  const used = best ?? base;
  const { classes } = validated ? base : used;
  const where = validated ? `cross-validated over ${classes} classes` : `${classes} held-out classes`;
  const worse = climbed.filter(({ scores }) => (scores.mp5.difference?.high ?? 0) < 0);
  const above = climbed.slice(climbed.indexOf(used) + 1).filter((row) => !worse.includes(row));
  const fewest = Math.min(...climbed.map((row) => row.classes));
  const parts = [
    best
      ? `${title(best.model)}: ${differenceText(best.scores.mp5.difference!)} mP@5 over ${title(best.against!)} (${where}); use ${best.model}.`
      : `No model is clearly better than ${title(base.model)} (${where}); use ${base.model}, which needs no training.`,
    ...above.map(
      ({ model, against, scores }) =>
        `No clear difference between ${title(model)} and ${title(against!)}: ${differenceText(scores.mp5.difference!)}.`,
    ),
    ...worse.map(
      ({ model, against, scores }) =>
        `${sentence(title(model))} is worse than ${title(against!)}: ${differenceText(scores.mp5.difference!)}.`,
    ),
  ];
  if (fewest < FEW_CLASSES)
    parts.push(`With ${fewest} held-out classes a score means little: more classes tell more.`);
  return { model: used.model, text: parts.join(" ") };
}

/** Returns a title with a capital letter, as the first word of a sentence; the name of a model stays. */
function sentence(title: string): string {
  return /^[a-z]+[ -]|^[a-z]+$/.test(title) ? title[0]!.toUpperCase() + title.slice(1) : title;
}

/** Formats "+0.041 [+0.012, +0.070]". */
function differenceText({ mean, low, high }: NonNullable<Score["difference"]>): string {
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
}
