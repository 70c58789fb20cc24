// The figure of a learning-rate range test.
import type { LrFind } from "../../experiments/lr_find";
import type { Figure } from "../output/figure";
import { lineFigure } from "../output/plots";

const FAINT = "rgba(128, 128, 128, 0.5)";

/**
 * Draws the loss over the learning rate, with the rates that it suggests and the config's own.
 * @example
 * show(lrFigure(await lrFind(preset("demo", "frozen"))));
 */
export function lrFigure({
  stage,
  initLr,
  rates,
  losses,
  smoothed,
  valley,
  steepest,
  ended,
}: LrFind): Figure {
  const parts = stage === "frozen" ? "on frozen features" : "all parts";
  const title = `Range test, ${parts}: ${valley} (valley), ${steepest} (steepest), the config's ${initLr}`;
  const figure = lineFigure(
    [
      { name: "loss", x: rates, y: losses },
      { name: "smoothed", x: rates, y: smoothed },
    ],
    { title, x: `learning rate of neck and head${ended && `; ${ended}`}`, y: "loss" },
  );
  const [raw, line] = figure.data;
  const at = (rate: number) => {
    const distances = rates.map((other) => Math.abs(Math.log(other / rate)));
    return smoothed[distances.indexOf(Math.min(...distances))]!;
  };
  const mark = (name: string, rate: number, symbol: string) => ({
    type: "scatter",
    mode: "markers",
    name,
    x: [rate],
    y: [at(rate)],
    marker: { size: 11, symbol },
  });
  const marks = [
    mark("valley", valley, "circle"),
    mark("steepest", steepest, "diamond"),
    mark("config", initLr, "x"),
  ];
  const layout = figure.layout as { xaxis: object };
  const xaxis = { ...layout.xaxis, type: "log", dtick: 1, exponentformat: "none" };
  return {
    data: [{ ...raw, line: { color: FAINT, width: 1 } }, line!, ...marks],
    layout: { ...layout, xaxis },
  };
}
