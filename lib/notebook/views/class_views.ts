// Views of single classes: a table with a row per class, and the long tail of their sizes.
import type { ClassRow } from "../../tables/class_table";
import type { Figure } from "../output/figure";
import { lineFigure } from "../output/plots";

/**
 * Returns the rows of `classTable` in words, for `show`: what each step did with the class in a sentence, then its
 * images after every step.
 * @example
 * show(classesInWords(await classTable("data/demo", preparedDataSets("data/demo"))), { title: "Every class" });
 */
export function classesInWords(rows: readonly ClassRow[]): Record<string, string | number>[] {
  return rows.map((row) => ({
    class: row.className,
    "data set": row.dataset,
    "what happened": whatHappened(row),
    raw: row.raw,
    kept: row.kept,
    merged: row.merged,
    sampled: row.sampled,
    rows: row.rows,
    train: row.train,
    validation: row.validation,
    "held out": row.heldOut,
  }));
}

/** Says what the pipeline did with a class: "cut from 120 to 100", "repeated from 7 to 20", "dropped: ...". */
function whatHappened({ raw, kept, merged, sampled, rows, heldOut }: ClassRow): string {
  if (heldOut > 0) return "held out of training";
  if (kept === 0) return "dropped: too few images, or not preprocessed yet";
  if (merged === 0) return "excluded, or not merged yet";
  const steps = [
    ...(kept < raw ? [`${raw - kept} unreadable`] : []),
    ...(merged < kept ? [`${kept - merged} excluded`] : []),
    ...(merged > kept ? [`${merged - kept} relabelled to it`] : []),
    ...(sampled < merged ? [`cut from ${merged} to ${sampled}`] : []),
    ...(rows > sampled ? [`repeated from ${sampled} to ${rows}`] : []),
  ];
  return steps.join(", ") || "as it is";
}

/** The steps of the long tail, with their names in the figure. */
const TAIL = { raw: "raw", kept: "preprocessed", sampled: "sampled", rows: "balanced" } as const;

/**
 * Draws the long tail: the classes from the largest to the smallest, a line per step, sizes on a log axis.
 * @example
 * show(longTailFigure(await classTable("data/demo", preparedDataSets("data/demo"))));
 */
export function longTailFigure(rows: readonly ClassRow[]): Figure {
  const series = Object.entries(TAIL).map(([step, name]) => {
    const sizes = rows.map((row) => row[step as keyof typeof TAIL]).filter((size) => size > 0);
    sizes.sort((a, b) => b - a);
    return { name, x: sizes.map((_, place) => place + 1), y: sizes };
  });
  return lineFigure(
    series.filter(({ y }) => y.length > 0),
    {
      title: "The long tail: images of each class, largest first",
      x: "classes",
      y: "images (log scale)",
      logY: true,
    },
  );
}
