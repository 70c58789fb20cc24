// Views of single classes: a table with a row per class, and the long tail of their sizes.
import { percent } from "../../common/words";
import type { ClassBalance } from "../../tables/balance";
import type { ClassRow } from "../../tables/class_table";
import type { Figure } from "../output/figure";
import { lineFigure } from "../output/plots";

/**
 * Returns the rows of `classTable` in words, for `show`: what each step did with the class in a sentence, then its
 * images after every step.
 * @param options.isMerged false: only the steps before Data_Merge. Default: true if any class is in the merged table
 * @example
 * show(classesInWords(await classTable("data/demo", preparedDataSets("data/demo"))), { title: "Every class" });
 */
export function classesInWords(
  rows: readonly ClassRow[],
  { isMerged = rows.some(({ newLabel }) => newLabel !== undefined) } = {},
): Record<string, string | number>[] {
  const preprocessed = new Set(rows.filter(({ kept }) => kept > 0).map(({ dataset }) => dataset));
  return rows.map((row) => ({
    class: row.className,
    "data set": row.dataset,
    "what happened": whatHappened(row, { isPreprocessed: preprocessed.has(row.dataset), isMerged }),
    raw: row.raw,
    kept: row.kept,
    ...(isMerged
      ? {
          merged: row.merged,
          sampled: row.sampled,
          rows: row.rows,
          train: row.train,
          validation: row.validation,
        }
      : {}),
    "held out": row.heldOut,
  }));
}

/** Returns the rows of `classBalance` for `show`: the data sets one below the other, each after every step. */
export function balanceInWords(balance: readonly ClassBalance[]): Record<string, string | number>[] {
  const datasets = [...new Set(balance.map(({ dataset }) => dataset))];
  return datasets.flatMap((dataset) =>
    balance
      .filter((row) => row.dataset === dataset)
      .map((row) => ({
        "data set": dataset,
        after: row.stage,
        classes: row.classes,
        images: row.images,
        smallest: row.min,
        median: row.median,
        largest: row.max,
        "under 20": percent(row.shareUnder20),
        gini: Number(row.gini.toFixed(3)),
      })),
  );
}

/** The steps that have run for a class's data set. */
interface Done {
  isPreprocessed: boolean;
  isMerged: boolean;
}

/** Says what the pipeline did with a class: "cut from 120 to 100", "repeated from 7 to 20", "dropped: ...". */
function whatHappened(row: ClassRow, { isPreprocessed, isMerged }: Done): string {
  const { raw, kept, merged, sampled, rows, heldOut } = row;
  if (heldOut > 0) return "held out of training";
  if (!isPreprocessed) return "not preprocessed yet";
  if (kept === 0) return `dropped: too few readable images (of ${raw})`;
  const unreadable = kept < raw ? [`${raw - kept} unreadable`] : [];
  const steps = [
    ...unreadable,
    ...corrected(row, isMerged),
    ...(merged > 0 && sampled < merged ? [`cut from ${merged} to ${sampled}`] : []),
    ...(sampled > 0 && rows > sampled ? [`repeated from ${sampled} to ${rows}`] : []),
  ];
  return steps.join(", ") || (isMerged ? "as it is" : "kept");
}

/** Says what exclude.csv and relabel.csv did with a class, or will do in the next merge. */
function corrected({ kept, merged, excluded, reasons }: ClassRow, isMerged: boolean): string[] {
  const why = reasons.length > 0 ? ` (${reasons.join("; ")})` : "";
  const next = `${excluded} of ${kept} in exclude.csv${why}`;
  if (!isMerged) return excluded > 0 ? [`${next}: the next merge leaves them out`] : [];
  const gone = Math.max(0, kept - merged);
  if (excluded > gone) return [`${next}: merge anew to leave them out`];
  const moved = gone - excluded;
  return [
    ...(excluded > 0 ? [`${excluded} of ${kept} left out by exclude.csv${why}`] : []),
    ...(moved > 0 ? [`${moved} relabelled, or left out by an earlier exclude.csv`] : []),
    ...(merged > kept ? [`${merged - kept} relabelled to it`] : []),
  ];
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
