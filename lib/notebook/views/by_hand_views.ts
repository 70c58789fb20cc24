// Views for stepping by hand in Experiments: gradients, margins, the hardest images.
import { basename, join } from "node:path";
import { projectPath } from "../../common/project";
import type { DataSettings } from "../../config/data";
import type { ExaminedImage } from "../../training/examine";
import type { GradientNorm } from "../../training/loop/gradient_norms";
import type { Drawing } from "../output/drawing";
import type { Figure } from "../output/figure";
import { type GridOptions, imageGrid } from "../output/images";
import { barFigure, quietLayout } from "../output/plots";

/**
 * Draws the size of gradients relative to their weights, a point per part of the model, on a log axis: the parts differ by
 * orders of magnitude.
 * @example
 * show(gradientFigure(await gradientNorms(setup.trainer)));
 */
export function gradientFigure(norms: readonly GradientNorm[]): Figure {
  const title = "Norm of the gradients, relative to the norm of the weights";
  const layout = quietLayout({ title, x: "", y: "gradient / weight" }, { logY: true });
  const [x, y] = [norms.map(({ part }) => part), norms.map(({ ratio }) => ratio)];
  const marker = { size: 9 };
  return {
    data: [
      { type: "scatter", mode: "lines+markers", name: "gradient / weight", x, y, marker, line: { width: 1 } },
    ],
    layout: { ...layout, xaxis: { ...layout.xaxis, type: "category" } },
  };
}

/** Bins have this width, and one begins at 0: the bars left of it are the images that are wrong. */
const BIN = 0.05;

/**
 * Draws a histogram of margins: cosine to an image's own class minus the largest cosine to another.
 * @example
 * show(marginFigure(await examineImages(setup)));
 */
export function marginFigure(examined: readonly ExaminedImage[]): Figure {
  const margins = examined.map(({ margin }) => margin);
  const bins = margins.map((margin) => Math.floor(margin / BIN));
  const [first, last] = [Math.min(-1, ...bins), Math.max(0, ...bins)];
  const values = new Array<number>(last - first + 1).fill(0);
  for (const bin of bins) values[bin - first]!++;
  const labels = values.map((_, at) => ((first + at) * BIN).toFixed(2));
  const wrong = margins.filter((margin) => margin < 0).length;
  return barFigure(labels, [{ name: "images", values }], {
    title: `Margins of ${margins.length} images; ${wrong} below 0 are nearer to another class`,
    x: `cosine to the right class minus the largest other; a bar is from its number to ${BIN} above`,
    y: "images",
  });
}

/**
 * Shows the first `count` examined images as pictures, with file, loss and margin.
 * @param classNames by label
 * @example
 * show(await hardestGrid(config, await examineImages(setup)));
 */
export function hardestGrid(
  { dataDir }: Pick<DataSettings, "dataDir">,
  examined: readonly ExaminedImage[],
  count = 16,
  classNames: ReadonlyMap<number, string> = new Map(),
  options: GridOptions = {},
): Promise<Drawing> {
  const folder = projectPath(dataDir);
  const nameOf = (label: number) => classNames.get(label) ?? `class ${label}`;
  const items = examined.slice(0, count).map(({ file, label, predicted, loss, margin }) => {
    const isRight = predicted === label;
    const taken = isRight ? nameOf(label) : `${nameOf(label)}, taken for ${nameOf(predicted)}`;
    return {
      image: join(folder, file),
      caption: `${taken}; loss ${loss.toFixed(2)}, margin ${margin.toFixed(2)}; ${basename(file)}`,
      frame: isRight ? ("green" as const) : ("red" as const),
    };
  });
  return imageGrid(items, options);
}
