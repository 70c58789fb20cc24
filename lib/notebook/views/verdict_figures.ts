// Figures of a verdict: scores with and without the class in the index, right answers over false ones, probability.
import type { Verdict } from "../../verdict/judge";
import { percent } from "../../verdict/threshold";
import type { Figure } from "../output/figure";
import { lineFigure, sideBySide } from "../output/plots";

/**
 * Draws the distributions of best scores, of queries whose class is in the index and of the same queries without it, and
 * the threshold.
 * @example
 * show(scoresFigure(await judge({ ...labels, queries, index }, { rate: 0.01 })));
 */
export function scoresFigure({ report, space }: Verdict): Figure {
  const { scores, threshold } = report;
  const series = [
    { name: "class in the index, right", x: scores.scores, y: scores.right },
    { name: "in the index, wrong", x: scores.scores, y: scores.wrong },
    { name: "not in the index", x: scores.scores, y: scores.unknown },
  ];
  const figure = lineFigure(series, {
    title: `Best scores, and the line of ${percent(threshold.rate)} false accepts`,
    x: `cosine of the nearest image (space: ${space})`,
    y: "share of queries",
    fromZero: true,
  });
  const data = figure.data.map((trace) => ({ ...trace, line: { shape: "hvh" } }));
  const line = { type: "line", x0: threshold.value, x1: threshold.value, y0: 0, y1: 1, yref: "paper" };
  return {
    data,
    layout: { ...figure.layout, shapes: [{ ...line, line: { color: "#757a82", dash: "dot" } }] },
  };
}

/**
 * Draws the share of right and accepted answers over false accepts, beside the probability that is said over the share
 * that is right, by classes that the curve has not seen.
 * @example
 * show(verdictFigure(await judge({ ...labels, queries, index }, { rate: 0.01 })));
 */
export function verdictFigure({ report }: Verdict): Figure {
  const { roc, falseAccept, trueAccept, calibration } = report;
  const points = roc.filter((point) => point.falseAccept > 0);
  const curve = lineFigure(
    [
      {
        name: "accepted and right",
        x: points.map((point) => point.falseAccept),
        y: points.map((point) => point.trueAccept),
      },
      { name: "the threshold", x: [falseAccept.mean], y: [trueAccept.mean], points: true },
    ],
    {
      title: "Right answers over false accepts",
      x: "false accepts",
      y: "accepted and right",
      fromZero: true,
    },
  );
  const said = calibration.reliability.map((bin) => bin.said);
  const reliability = lineFigure(
    [
      { name: "seen", x: said, y: calibration.reliability.map((bin) => bin.seen), points: true },
      { name: "as it should be", x: [0, 1], y: [0, 1] },
    ],
    { title: "Is the probability true?", x: "probability said", y: "share that is right", fromZero: true },
  );
  const xaxis = { ...(curve.layout!.xaxis as object), type: "log", dtick: 1, exponentformat: "none" };
  return sideBySide({ ...curve, layout: { ...curve.layout, xaxis } }, reliability);
}
