// The page of `npm run bench growth`: a table with exponents, and curves as SVG, time and memory by rows.
import { growthOf } from "./exponents.mjs";

/** Sizes of the picture, CSS pixels. */
const [WIDTH, HEIGHT] = [720, 360];
const FRAME = { left: 64, right: 230, top: 34, bottom: 44 };
const COLOURS = [
  "#4c78a8",
  "#f58518",
  "#54a24b",
  "#e45756",
  "#72b7b2",
  "#b279a2",
  "#9d755d",
  "#bab0ac",
  "#eeca3b",
];
const TEXT = "#757a82";
const LEAST_GAP_PX = 14;

/**
 * @typedef {object} Line
 * @property {string} step
 * @property {string} what
 * @property {number} scale
 * @property {number} seconds
 * @property {number} peakMB
 * @property {number} [rounds]
 */

/** Groups lines by step, in their order. @param {Line[]} lines @returns {Map<string, Line[]>} */
export function bySteps(lines) {
  const steps = new Map();
  for (const line of lines) steps.set(line.step, [...(steps.get(line.step) ?? []), line]);
  for (const ofStep of steps.values()) ofStep.sort((a, b) => a.scale - b.scale);
  return steps;
}

/** Returns the points of a step's quantity. @param {Line[]} ofStep @param {"seconds" | "peakMB"} quantity */
export function pointsOf(ofStep, quantity) {
  return ofStep.map((line) => ({ scale: line.scale, value: line[quantity] }));
}

/** Returns the table: seconds and MB at each multiple, the exponent between the two largest. @param {Line[]} lines */
export function growthTable(lines) {
  const scales = [...new Set(lines.map(({ scale }) => scale))].sort((a, b) => a - b);
  const head = ["step", "what", ...scales.map((scale) => `${scale}x`), "exponent of time", "of memory"];
  const rows = [...bySteps(lines)].map(([step, ofStep]) => {
    const cells = scales.map((scale) => {
      const line = ofStep.find((one) => one.scale === scale);
      return line ? `${secondsText(line.seconds)}, ${line.peakMB.toLocaleString("en")} MB` : "";
    });
    const last = (quantity) => growthOf(pointsOf(ofStep, quantity)).exponents.at(-1)?.toFixed(2) ?? "-";
    return [step, ofStep[0].what, ...cells, last("seconds"), last("peakMB")];
  });
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function secondsText(seconds) {
  return seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${Number(seconds.toPrecision(3))} s`;
}

/**
 * Draws the curves of a quantity over the multiple of the demo's rows, both axes logarithmic; a grey line is linear.
 * @param {Line[]} lines
 * @param {"seconds" | "peakMB"} quantity
 * @param {string} title
 */
export function growthSvg(lines, quantity, title) {
  const points = lines.map((line) => [line.scale, line[quantity]]);
  const xRange = decades(points.map(([x]) => x));
  const yRange = decades(points.map(([, y]) => y));
  const [right, bottom] = [WIDTH - FRAME.right, HEIGHT - FRAME.bottom];
  const xOf = place(xRange, FRAME.left, right);
  const yOf = place(yRange, bottom, FRAME.top);
  const text = (words, at) => `<text fill="${TEXT}" ${at}>${words}</text>`;
  const grid = powers(yRange).map(
    (y) =>
      `<path d="M${FRAME.left} ${yOf(y)}H${right}" stroke="rgba(128,128,128,.25)"/>` +
      text(y.toLocaleString("en"), `x="${FRAME.left - 6}" y="${yOf(y) + 4}" text-anchor="end"`),
  );
  const below = powers(xRange).map((x) =>
    text(`${x}x`, `x="${xOf(x)}" y="${bottom + 16}" text-anchor="middle"`),
  );
  const curves = [...bySteps(lines)].map(([step, ofStep], i) => {
    const places = ofStep.map((line) =>
      [xOf(line.scale), yOf(line[quantity])].map((px) => px.toFixed(1)).join(" "),
    );
    return { step, places, colour: COLOURS[i % COLOURS.length], y: Number(places.at(-1).split(" ")[1]) };
  });
  const names = apart(curves);
  const drawn = names.map(
    ({ step, places, colour, y, nameY }) =>
      `<path d="M${places.join("L")}" fill="none" stroke="${colour}" stroke-width="2"/>` +
      `<path d="M${places.at(-1)}L${right + 12} ${nameY - 4}" stroke="${colour}" stroke-width=".5" opacity="${y === nameY - 4 ? 0 : 0.6}"/>` +
      `<text fill="${colour}" x="${right + 15}" y="${nameY}">${step}</text>`,
  );
  const linear = `<path d="M${xOf(xRange[0])} ${yOf(yRange[0])}L${linearEnd(xRange, yRange, xOf, yOf)}" stroke="rgba(128,128,128,.6)" stroke-dasharray="4 4"/>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}" font-family="DejaVu Sans, sans-serif" font-size="11"><title>${title}</title>` +
    text(title, `x="8" y="18" font-size="13" font-weight="bold"`) +
    text(
      "rows, in multiples of the demo's; the dashed line is linear",
      `x="${FRAME.left}" y="${HEIGHT - 8}"`,
    ) +
    `${grid.join("")}${below.join("")}${linear}${drawn.join("")}</svg>\n`
  );
}

/** @returns {[number, number]} the powers of ten around some numbers */
function decades(values) {
  const low = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const high = Math.ceil(Math.log10(Math.max(...values)) - 1e-9);
  return [10 ** low, 10 ** Math.max(high, low + 1)];
}

function powers([low, high]) {
  const [first, last] = [low, high].map((value) => Math.round(Math.log10(value)));
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
}

function place([low, high], from, to) {
  return (value) => from + ((to - from) * Math.log10(value / low)) / Math.log10(high / low);
}

/** Returns where a linear curve from the lower left corner leaves the frame. */
function linearEnd(xRange, yRange, xOf, yOf) {
  const factor = Math.min(xRange[1] / xRange[0], yRange[1] / yRange[0]);
  return `${xOf(xRange[0] * factor).toFixed(1)} ${yOf(yRange[0] * factor).toFixed(1)}`;
}

/** Moves the names of curves apart. */
function apart(curves) {
  let least = Number.NEGATIVE_INFINITY;
  return [...curves]
    .sort((a, b) => a.y - b.y)
    .map((curve) => {
      const nameY = Math.max(curve.y + 4, least);
      least = nameY + LEAST_GAP_PX;
      return { ...curve, nameY };
    });
}
