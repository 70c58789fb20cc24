// What is known about a verdict, as a table for people.
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
    [`cosine of the same object, for ${rate} false accepts`, shareText(threshold.value)],
    ["class in the index: accepted and right", interval(report.trueAccept)],
    ["class in the index: accepted and wrong", interval(report.wrongAccept)],
    ["class not in the index: accepted", interval(report.falseAccept)],
    ["open-set AUROC", interval(report.auroc)],
    [`precision of accepted answers, ${unknown} of the queries unknown`, shareText(report.precision)],
    ...(report.mp5 === undefined
      ? []
      : [[`mP@5 with rejection, ${unknown} unknown`, shareText(report.mp5)] as [string, string]]),
    [`identification: FNIR at FPIR ${rate}`, shareText(report.fnir)],
    [`verification of pairs: FNMR at FMR ${rate}`, shareText(report.fnmr)],
    ["spread over classes (OPIS)", report.opis.toFixed(4)],
    [`probability: mean error, ${unknown} unknown`, shareText(calibration.error)],
  ];
  return rows.map(([measure, value]) => ({ measure, value }));
}

/** Formats a share: .634; "none" if it is not defined. */
export function shareText(share: number): string {
  return Number.isNaN(share) ? "none" : share.toFixed(3).replace(/^(-?)0/, "$1");
}
