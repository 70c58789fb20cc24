// The figure of a line between a pretrained tower and a fine-tuned one: own data against others.
import type { WiseLine } from "../../experiments/wise_ft";
import type { Figure } from "../output/figure";
import { lineFigure } from "../output/plots";

/**
 * Draws mP@5 over alpha, a curve per data directory, and the untrained backbone's as a dotted line of the same colour.
 * @example
 * show(wiseFigure(await wiseLine("demo_fine_tune", { dataDirs: ["data/grocery"] })));
 */
export function wiseFigure({ run, alphas, scores }: WiseLine): Figure {
  const series = scores.flatMap(({ dataDir, classes, rows }) => {
    const [backbone, ...points] = rows.map((row) => row.scores.mp5.mean);
    const name = classes ? `${dataDir} (own)` : dataDir;
    return [
      { name, x: [...alphas], y: points, points: true },
      {
        name: `${name}: untrained backbone`,
        x: [alphas[0]!, alphas.at(-1)!],
        y: [backbone!, backbone!],
        colourKey: name,
      },
    ];
  });
  const figure = lineFigure(series, {
    title: `Between the pretrained tower (0) and ${run} (1): gained and forgotten`,
    x: "alpha, the run's share of the tower",
    y: "mP@5",
  });
  const data = figure.data.map((trace, i) => (i % 2 === 0 ? trace : { ...trace, line: { dash: "dot" } }));
  return { ...figure, data };
}
