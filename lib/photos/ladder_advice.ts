// What a ladder of models says: the rung that is worth it, with the interval of its difference from the one below.
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
 * it is above zero. Where rungs were cross-validated, over more classes than are held out, that decides about them.
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
  const worse = climbed
    .filter(({ scores }) => (scores.mp5.difference?.high ?? 0) < 0)
    .map(({ model }) => title(model));
  const base = climbed[0]!;
  const { classes } = validated ? base : (best ?? base);
  const where = validated ? `cross-validated over ${classes} classes` : `${classes} held-out classes`;
  const parts = [
    best
      ? `${title(best.model)}: ${differenceText(best.scores.mp5.difference!)} mP@5 over ${title(best.against!)} (${where}); use ${best.model}.`
      : `No difference can be seen (${where}); use ${base.model}, which needs no training.`,
  ];
  const above = climbed.slice(climbed.indexOf(best ?? base) + 1).map(({ model }) => title(model));
  const unseen = above.filter((name) => !worse.includes(name));
  if (best && unseen.length > 0) parts.push(`No further difference can be seen: ${unseen.join(", ")}.`);
  if (worse.length > 0) parts.push(`Worse than without it: ${worse.join(", ")}.`);
  const fewest = Math.min(...climbed.map((row) => row.classes));
  if (fewest < FEW_CLASSES)
    parts.push(`With ${fewest} held-out classes a score means little: more classes tell more.`);
  return { model: (best ?? base).model, text: parts.join(" ") };
}

/** Formats "+.041 [+.012, +.070]". */
function differenceText({ mean, low, high }: NonNullable<Score["difference"]>): string {
  const signed = (value: number) => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(3).replace(/^0/, "")}`;
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
}
