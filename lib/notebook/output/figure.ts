// Plotly figures without a browser: plotly.js draws SVG in a jsdom window, to which a few measurements are lent.
import { readFileSync } from "node:fs";
import type { DOMWindow } from "jsdom";
import sharp from "sharp";
import { messageOf, UserError } from "../../common/errors";
import { lendCanvas } from "./canvas";
import { bringFonts } from "./fonts";

/** A figure as plotly.js takes it: https://plotly.com/javascript/reference. */
export interface Figure {
  data: Record<string, unknown>[];
  layout?: Record<string, unknown>;
}

/** Size of a picture, in CSS pixels. */
export interface PictureSize {
  widthPx?: number;
  heightPx?: number;
}

const DEFAULT_WIDTH_PX = 760;
/** JupyterLab's renderer gives a figure without a height this one. */
const DEFAULT_HEIGHT_PX = 360;
const DEFAULT_FONT_PX = 12;
const LINE_HEIGHT_EM = 1.3;

/** The Cartesian bundle (lines, bars, histograms, heat maps, boxes): what can be drawn without WebGL or a map. */
const BUNDLE = "plotly.js/dist/plotly-cartesian.min.js";

/**
 * Draws a figure as SVG.
 * @throws UserError for a kind of trace that needs a browser (3-D, WebGL, maps), or a figure that plotly refuses
 */
export async function figureSvg(figure: Figure, size: PictureSize = {}): Promise<string> {
  const { traceTypes, toImage, withCanvases } = await plotly();
  const foreign = flat(figure)
    .data.map((trace) => String(trace.type ?? "scatter"))
    .find((type) => !traceTypes.has(type));
  if (foreign) throw undrawable(`it has a trace of type "${foreign}"`);
  const width = size.widthPx ?? numberOr(figure.layout?.width, DEFAULT_WIDTH_PX);
  const height = size.heightPx ?? numberOr(figure.layout?.height, DEFAULT_HEIGHT_PX);
  // plotly fills in what it is given: it gets a copy.
  const { data, layout } = structuredClone(flat(figure));
  try {
    const options = { format: "svg", imageDataOnly: true, width, height };
    return styleless(
      await withCanvases(await toImage({ data, layout: { ...layout, width, height } }, options)),
    );
  } catch (error) {
    throw undrawable(messageOf(error), error);
  }
}

/** The figure for a picture: WebGL's points as plain ones, no menus. */
function flat({ data, layout }: Figure): Figure {
  const { updatemenus: _, ...rest } = layout ?? {};
  const plain = data.map((trace) => (trace.type === "scattergl" ? { ...trace, type: "scatter" } : trace));
  return { data: plain, layout: rest };
}

/**
 * `style="fill: red"` becomes `fill="red"`: pages that embed a notebook's SVG (GitHub, nbviewer) may drop styles, and
 * then everything is black.
 */
export function styleless(svg: string): string {
  return svg.replace(/<[a-zA-Z][^<>]* style="[^"]*"[^<>]*>/g, (tag) => {
    const style = / style="([^"]*)"/.exec(tag)![1]!.replaceAll("&quot;", "'");
    const declarations = style.split(";").map((text) => /^\s*([a-z-]+)\s*:\s*(.+?)\s*$/.exec(text));
    const values = new Map(
      declarations.filter((found) => found !== null).map((found) => [found[1]!, found[2]!]),
    );
    let bare = tag.replace(/ style="[^"]*"/, "");
    // A style outdoes an attribute of the same name.
    for (const name of values.keys()) bare = bare.replace(new RegExp(` ${name}="[^"]*"`), "");
    const attributes = Array.from(values, ([name, value]) => ` ${name}="${value}"`).join("");
    return bare.replace(/(\/?>)$/, `${attributes}$1`);
  });
}

function undrawable(reason: string, cause?: unknown): UserError {
  return new UserError(
    `The figure cannot be drawn without a browser: ${reason}.`,
    "look at its data and layout; 3-D, WebGL and map traces appear in JupyterLab alone",
    { cause },
  );
}

/**
 * Draws a figure as PNG, `scale` device pixels per CSS pixel, for a README or a report.
 * @example
 * const png = await figurePng(barFigure(["a"], [{ name: "images", values: [3] }], { title: "Images", x: "class", y: "images" }));
 */
export async function figurePng(
  figure: Figure,
  size: PictureSize & { scale?: number } = {},
): Promise<Buffer> {
  const svg = await figureSvg(figure, size);
  bringFonts();
  return sharp(Buffer.from(svg), { density: 72 * (size.scale ?? 2) })
    .png()
    .toBuffer();
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === "number" ? value : fallback;
}

interface Plotly {
  traceTypes: ReadonlySet<string>;
  toImage(figure: Figure, options: object): Promise<string>;
  withCanvases(svg: string): Promise<string>;
}

let loaded: Promise<Plotly> | undefined;

/** plotly.js inside a window of its own: loaded at the first figure (one or two seconds), then kept. */
function plotly(): Promise<Plotly> {
  loaded ??= loadPlotly();
  return loaded;
}

async function loadPlotly(): Promise<Plotly> {
  const { JSDOM } = await import("jsdom");
  const { window } = new JSDOM("<!doctype html><body></body>", {
    runScripts: "outside-only",
    pretendToBeVisual: true,
  });
  lendMeasurements(window);
  const withCanvases = lendCanvas(window);
  window.eval(readFileSync(require.resolve(BUNDLE), "utf8"));
  const { toImage, PlotSchema } = window.Plotly;
  return { traceTypes: new Set(Object.keys(PlotSchema.get().traces)), toImage, withCanvases };
}

/** jsdom lays nothing out. plotly asks for the boxes of its texts (margins, legend): it gets good estimates. */
function lendMeasurements(window: DOMWindow): void {
  window.URL.createObjectURL = () => "";
  const fontPx = (text: Element) =>
    Number.parseFloat(window.getComputedStyle(text).fontSize) || DEFAULT_FONT_PX;
  const boxOf = (element: Element) => {
    const texts = element.matches("text, tspan") ? [element] : [...element.querySelectorAll("text")];
    const boxes = texts.map((text) => textBox(text, fontPx(text)));
    return boxAround(
      boxes.flatMap(({ left, top, right, bottom }) => [
        { x: left, y: top },
        { x: right, y: bottom },
      ]),
    );
  };
  window.Element.prototype.getBoundingClientRect = function (this: Element) {
    return boxOf(this) as DOMRect;
  };
  Object.assign(window.SVGElement.prototype, {
    getBBox(this: Element) {
      return boxOf(this);
    },
    getComputedTextLength(this: Element) {
      return boxOf(this).width;
    },
  });
}

/** The box of one text where it stands: its own place, the translations above it, and its rotation. */
function textBox(text: Element, fontPx: number) {
  const spans = [...text.querySelectorAll("tspan.line")];
  const lines = spans.length > 0 ? spans : [text];
  const length = Math.max(...lines.map((line) => textWidthEm(line.textContent ?? "") * fontPx));
  const anchor = text.getAttribute("text-anchor");
  const before = (anchor === "end" ? 1 : anchor === "middle" ? 0.5 : 0) * length;
  const [left, right] = [-before, length - before];
  const [top, bottom] = [-fontPx, (lines.length * LINE_HEIGHT_EM - 1) * fontPx];
  const degrees = Number(/rotate\(([-\d.e]+)/.exec(text.getAttribute("transform") ?? "")?.[1] ?? 0);
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const corners = [left, right].flatMap((dx) =>
    [top, bottom].map((dy) => [dx * cos - dy * sin, dx * sin + dy * cos]),
  );
  const { x, y } = placeOf(text);
  return boxAround(corners.map(([dx, dy]) => ({ x: x + dx!, y: y + dy! })));
}

function placeOf(text: Element): Point {
  let [x, y] = [Number(text.getAttribute("x") ?? 0), Number(text.getAttribute("y") ?? 0)];
  for (let element: Element | null = text; element; element = element.parentElement) {
    const translation = /translate\(([-\d.e]+)[ ,]+([-\d.e]+)\)/.exec(
      element.getAttribute("transform") ?? "",
    );
    x += Number(translation?.[1] ?? 0);
    y += Number(translation?.[2] ?? 0);
  }
  return { x, y };
}

interface Point {
  x: number;
  y: number;
}

/** The smallest upright box around points, with a DOMRect's fields; an empty one at 0,0 around none. */
function boxAround(points: readonly Point[]) {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [left, right] = points.length > 0 ? [Math.min(...xs), Math.max(...xs)] : [0, 0];
  const [top, bottom] = points.length > 0 ? [Math.min(...ys), Math.max(...ys)] : [0, 0];
  return { x: left, y: top, left, top, right, bottom, width: right - left, height: bottom - top };
}

/** Width of a text in a common sans-serif face, in em, to within a few per cent (Helvetica's widths in groups). */
function textWidthEm(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidthEm(character);
  return width;
}

function characterWidthEm(character: string): number {
  if (/[ijl.,:;'|!ftI ()[\]]/.test(character)) return 0.27;
  if (/[mwMW%@]/.test(character)) return 0.87;
  if (/[A-Z&]/.test(character)) return 0.69;
  return 0.55;
}
