// What `guie get-data` says of the data sets that it has read.
import { textTable } from "../../common/text_table";
import type { DataSet } from "../../datasets/catalogue";
import type { GetDataResult } from "../../datasets/get_data";
import { leftOutText } from "../../datasets/own/left_out";
import type { SkippedCounts } from "../../datasets/readers/reader";

/** Returns the table of what was read. */
export function describeResults(results: readonly GetDataResult[]): string {
  return textTable(
    ["data set", "classes", "images", "large classes"],
    results.map(({ dataset, classes, rows, largeClasses }) => [dataset, classes, rows, largeClasses]),
  );
}

const SKIPPED: readonly (readonly [keyof SkippedCounts, string])[] = [
  ["harmlessFiles", "files that are known not to be images"],
  ["duplicateRows", "repeated rows for an image"],
  ["missingImages", "rows whose image is missing"],
  ["unlabelledImages", "images without an annotation"],
];

/** Returns the lines about what was left out of a data set. */
export function describeSkipped(
  { dataset, skipped, leftOut, largeClasses }: GetDataResult,
  { smallestClass }: Pick<DataSet, "smallestClass">,
): string[] {
  const others =
    leftOut.length > 0 ? [`${dataset}: ${leftOutText(leftOut)}; all in csv/${dataset}_left_out.csv`] : [];
  const left = SKIPPED.filter(([count]) => skipped[count] > 0).map(
    ([count, what]) => `${dataset}: left out ${skipped[count].toLocaleString("en-US")} ${what}`,
  );
  const noneKept = `${dataset}: no class has ${smallestClass} images; Data_preprocessing will keep none`;
  return [...left, ...others, ...(largeClasses > 0 ? [] : [noneKept])];
}
