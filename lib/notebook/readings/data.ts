// Readings of tables: class sizes, dropped classes, photos that look alike.
import { counted, percent } from "../../common/words";
import type { DuplicateReport } from "../../inspection/duplicates";
import type { PreprocessResult } from "../../preprocessing/preprocess";
import { ALL_DATASETS } from "../../retrieval/evaluation";
import type { BalanceStage, ClassBalance } from "../../tables/balance";
import type { ClassCount } from "../../tables/class_counts";
import type { Drawing } from "../output/drawing";
import { reading, sum } from "./reading";

/** Classes below this size are small: Data_Merge repeats their images. */
const SMALL_CLASS = 20;

/**
 * Reads class sizes: how uneven they are, and what the later steps will make of them.
 * @example
 * await show(sizesReading(await classCounts("data/demo/csv/Shopee.csv")));
 */
export function sizesReading(classes: readonly Pick<ClassCount, "images">[]): Drawing {
  const sizes = classes.map(({ images }) => images).sort((a, b) => a - b);
  if (sizes.length === 0) return reading("There is no class.");
  const small = sizes.filter((size) => size < SMALL_CLASS).length;
  const single = sizes.filter((size) => size === 1).length;
  return reading(
    `${counted(sizes.length, "class", "classes")} of ${sizes[0]} to ${sizes.at(-1)} images, median ${sizes[Math.floor(sizes.length / 2)]}; ${percent(small / sizes.length)} have fewer than ${SMALL_CLASS}.`,
    `Bad signs are classes of one image (here ${single}): nothing in them can be found again. Join them with others by \`relabel.csv\`, or let Data_preprocessing drop them (\`smallestClass\`).`,
  );
}

/**
 * Reads the results of Data_preprocessing: what was dropped, and what could not be read.
 * @example
 * await show(preprocessReading(results));
 */
export function preprocessReading(results: readonly PreprocessResult[]): Drawing {
  const [rowsIn, rowsOut, classesIn, classesOut, rejected] = (
    ["rowsIn", "rowsOut", "classesIn", "classesOut", "rejected"] as const
  ).map((name) => sum(results.map((result) => result[name]))) as [number, number, number, number, number];
  return reading(
    `${counted(rowsOut, "image")} of ${rowsIn.toLocaleString("en")} are left, in ${classesOut.toLocaleString("en")} of ${counted(classesIn, "class", "classes")}.`,
    rejected === 0
      ? "All images could be read."
      : `${counted(rejected, "image")} could not be read: the rejects below say why.`,
    "A bad sign is a data set that loses most of its classes: they have fewer images than `smallestClass`, a number of its own in Get_Data's catalogue.",
  );
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
    "A bad sign is a large share of them: more photos help, a larger `minPerClass` does not.",
  );
}

function sizes({ min, median, max }: ClassBalance): string {
  return `${min} to ${max} (median ${median})`;
}

/**
 * Reads a search for photos that look alike.
 * @example
 * await show(duplicatesReading(await findDuplicates({ dataDir: "data/demo" })));
 */
export function duplicatesReading({ images, counts }: Pick<DuplicateReport, "images" | "counts">): Drawing {
  const twoLabels = counts["two labels"] + counts["two labels, train and validation"];
  const leaks = counts["train and validation"] + counts["two labels, train and validation"];
  return reading(
    `Among ${counted(images, "image")}, ${counted(twoLabels, "pair")} that look alike ${twoLabels === 1 ? "has" : "have"} two labels, and ${counted(leaks, "pair")} ${leaks === 1 ? "lies" : "lie"} in training and validation.`,
    twoLabels > 0
      ? "Look at these below: if they show one thing, give it one label in `relabel.csv`; if not, they are merely alike."
      : "",
    "A bad sign is a pair in training and validation: the validation score is then too good; `groups.csv` keeps such images in one fold.",
  );
}
