// What is known about a verdict, as a table for people.
import { scoreText } from "../common/words";
import { withInterval } from "../retrieval/comparison_table";
import type { Verdict } from "./judge";
import type { Measured } from "./report";
import { percent } from "./threshold";

/**
 * Returns one record per measure, for a notebook or a terminal; brackets are 95 % intervals by a bootstrap over classes.
 * @example
 * show(verdictTable(await judge({ ...labels, queries, index }, { rate: 0.01 })));
 */
export function verdictTable({ report }: Pick<Verdict, "report">): { measure: string; value: string }[] {
  const { threshold, calibration } = report;
  const [rate, unknown] = [percent(threshold.rate), percent(report.unknown)];
  const interval = (measured: Measured) => withInterval(measured.mean, measured);
  const rows: [measure: string, value: string][] = [
    [`cosine of the same object, for ${rate} false accepts`, scoreText(threshold.value)],
    ["class in the index: accepted and right", interval(report.trueAccept)],
    ["class in the index: accepted and wrong", interval(report.wrongAccept)],
    ["class not in the index: accepted", interval(report.falseAccept)],
    ["open-set AUROC", interval(report.auroc)],
    [`precision of accepted answers, ${unknown} of the queries unknown`, scoreText(report.precision)],
    ...(report.mp5 === undefined
      ? []
      : [[`mP@5 with rejection, ${unknown} unknown`, scoreText(report.mp5)] as [string, string]]),
    [`identification: FNIR at FPIR ${rate}`, scoreText(report.fnir)],
    [`verification of pairs: FNMR at FMR ${rate}`, scoreText(report.fnmr)],
    ["spread over classes (OPIS)", scoreText(report.opis)],
    [`probability: mean error, ${unknown} unknown`, scoreText(calibration.error)],
  ];
  return rows.map(([measure, value]) => ({ measure, value }));
}
