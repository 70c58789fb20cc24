// What a ladder of models says: the rung that is worth it, with the interval of its difference from the one below.
import { ALL_DATASETS, type ComparisonRow, type Score } from "../retrieval/evaluation";

/** The rung that a person should use, and why. */
export interface Advice {
  /** The model to use. */
  model: string;
  /** The sentence for people. */
  text: string;
}

/** Scores of fewer held-out classes mean little. */
const FEW_CLASSES = 5;

/**
 * Chooses the rung to use from a climb: each row compares a rung with the best one below it.
 * @param rows the rungs from the bottom, each `against` the rung that was the best before it
 * @param titles names of rungs for people, by model
 */
export function adviceOf(
  rows: readonly ComparisonRow[],
  titles: Readonly<Record<string, string>> = {},
): Advice {
  const all = rows.filter(({ dataset }) => dataset === ALL_DATASETS);
  const title = (model: string) => titles[model] ?? model;
  const steps = all.filter(({ against, scores }) => against !== undefined && isSure(scores.mp5.difference));
  const best = steps.findLast(({ scores }) => scores.mp5.difference!.mean > 0) ?? all[0]!;
  const { classes, against } = best;
  const few =
    classes < FEW_CLASSES
      ? ` With ${classes} held-out classes a score means little: more classes tell more.`
      : "";
  const gain =
    against === undefined
      ? `no difference can be seen with ${classes} held-out classes`
      : `${title(best.model)}: ${differenceText(best.scores.mp5.difference!)} mP@5 over ${title(against)}`;
  const harmed = steps
    .filter(({ scores }) => scores.mp5.difference!.mean < 0)
    .map(({ model }) => title(model));
  const worse = harmed.length > 0 ? ` Worse than without it: ${harmed.join(", ")}.` : "";
  const above = all.slice(all.indexOf(best) + 1).filter(({ model }) => !harmed.includes(title(model)));
  const nothing =
    above.length > 0 && against !== undefined
      ? ` No further difference can be seen with ${classes} held-out classes (${above.map(({ model }) => title(model)).join(", ")}).`
      : "";
  return { model: best.model, text: `${gain}; use ${best.model}.${worse}${nothing}${few}` };
}

function isSure(difference: Score["difference"]): boolean {
  return difference !== undefined && (difference.low > 0 || difference.high < 0);
}

/** Formats "+.041 [+.012, +.070]". */
function differenceText({ mean, low, high }: NonNullable<Score["difference"]>): string {
  const signed = (value: number) => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(3).replace(/^0/, "")}`;
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
}
