// Small line charts as SVG text: drawn in a millisecond, for figures that follow a slider.
import { escapeHtml } from "../../common/html";

/** A small chart. */
export interface SmallChart {
  title: string;
  x: string;
  lines: readonly { name: string; x: readonly number[]; y: readonly number[] }[];
  /** The y axis begins at 0. */
  fromZero?: boolean;
}

/** Width and height in CSS pixels. */
export const CHART_PX = { width: 290, height: 170 };

const COLOURS = ["#4c78a8", "#f58518", "#54a24b"];
const TEXT = "#757a82";
const FRAME = { left: 46, right: 10, top: 26, bottom: 34 };
const TICKS = 4;

/** Draws a small chart as an SVG element. */
export function chartSvg({ title, x, lines, fromZero = false }: SmallChart): string {
  const { width, height } = CHART_PX;
  const [left, right, top, bottom] = [FRAME.left, width - FRAME.right, FRAME.top, height - FRAME.bottom];
  const xRange = rangeOf(lines.flatMap((line) => line.x));
  const xTicks = ticks(xRange).filter((tick) => tick >= xRange[0] && tick <= xRange[1]);
  const yTicks = ticks(rangeOf(lines.flatMap((line) => line.y).concat(fromZero ? [0] : [])));
  const xOf = place(xRange, left, right);
  const yOf = place(yTicks, bottom, top);
  const [xLabels, yLabels] = [labels(xTicks), labels(yTicks)];
  const words = (text: string, at: string) => `<text fill="${TEXT}" ${at}>${escapeHtml(text)}</text>`;
  const grid = yTicks.map(
    (tick, i) =>
      `<path d="M${left} ${yOf(tick)}H${right}" stroke="rgba(128,128,128,.25)"/>` +
      words(yLabels[i]!, `x="${left - 5}" y="${yOf(tick) + 4}" text-anchor="end"`),
  );
  const below = xTicks.map((tick, i) =>
    words(xLabels[i]!, `x="${xOf(tick)}" y="${bottom + 15}" text-anchor="middle"`),
  );
  const drawn = lines.map(({ name, ...line }, i) => {
    const points = line.x.map((value, at) => `${xOf(value).toFixed(1)} ${yOf(line.y[at]!).toFixed(1)}`);
    const colour = COLOURS[i % COLOURS.length];
    const path = `<path class="line" d="M${points.join("L")}" fill="none" stroke="${colour}" stroke-width="2"/>`;
    const key = `<text fill="${colour}" x="${right}" y="${top + 12 + 14 * i}" text-anchor="end">${escapeHtml(name)}</text>`;
    return lines.length > 1 ? path + key : path;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="DejaVu Sans, sans-serif" font-size="11">` +
    words(title, `x="4" y="14" font-size="12" font-weight="bold"`) +
    words(x, `x="${(left + right) / 2}" y="${height - 5}" text-anchor="middle"`) +
    `${grid.join("")}${below.join("")}${drawn.join("")}</svg>`
  );
}

function rangeOf(values: readonly number[]): [number, number] {
  const known = values.filter(Number.isFinite);
  const [low, high] = [
    known.reduce((a, b) => Math.min(a, b), Infinity),
    known.reduce((a, b) => Math.max(a, b), -Infinity),
  ];
  if (low > high) return [0, 1];
  return low === high ? [low - Math.abs(low || 1) / 2, high + Math.abs(high || 1) / 2] : [low, high];
}

/** Returns round numbers that span a range. */
function ticks([low, high]: [number, number]): number[] {
  const rough = (high - low) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

function place(ticks: readonly number[], from: number, to: number): (value: number) => number {
  const [first, last] = [ticks[0]!, ticks.at(-1)!];
  return (value) => from + ((value - first) / (last - first)) * (to - from);
}

/** Returns the labels of an axis's ticks, with one number of decimals: 0, 0.5, 1.0. */
function labels(ticks: readonly number[]): string[] {
  if (ticks.some((tick) => tick !== 0 && Math.abs(tick) < 1e-3))
    return ticks.map((tick) => (tick === 0 ? "0" : tick.toExponential()));
  const decimals = Math.max(...ticks.map((tick) => String(tick).split(".")[1]?.length ?? 0));
  return ticks.map((tick) => (tick === 0 ? "0" : tick.toFixed(decimals)));
}
