// Draws Plotly figures without a browser: plotly.js makes SVG in a jsdom window with estimated text sizes.
import { readFileSync } from "node:fs";
import type { DOMWindow } from "jsdom";
import sharp from "sharp";
import { messageOf, UserError } from "../../common/errors";
import { escapeHtml } from "../../common/html";
import { installCanvas } from "./canvas";
import { useBundledFonts } from "./fonts";

/** A figure in plotly.js's format: https://plotly.com/javascript/reference. */
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
/** Height that JupyterLab's renderer uses for a figure without one. */
const DEFAULT_HEIGHT_PX = 360;
const DEFAULT_FONT_PX = 12;
const LINE_HEIGHT_EM = 1.3;

/** The Cartesian bundle (lines, bars, histograms, heat maps, boxes): the traces that need neither WebGL nor maps. */
const BUNDLE = "plotly.js/dist/plotly-cartesian.min.js";

/**
 * Draws a figure as SVG.
 * @throws UserError for a kind of trace that needs a browser (3-D, WebGL, maps), or a figure that plotly refuses
 */
export async function figureSvg(figure: Figure, size: PictureSize = {}): Promise<string> {
  const { traceTypes, toImage, withCanvases } = await plotly();
  const unsupported = flat(figure)
    .data.map((trace) => String(trace.type ?? "scatter"))
    .find((type) => !traceTypes.has(type));
  if (unsupported) throw undrawable(`it has a trace of type "${unsupported}"`);
  const width = size.widthPx ?? numberOr(figure.layout?.width, DEFAULT_WIDTH_PX);
  const height = size.heightPx ?? numberOr(figure.layout?.height, DEFAULT_HEIGHT_PX);
  // plotly modifies its input: it gets a copy.
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

/** Returns a figure for a static picture: WebGL points become plain ones, menus are removed. */
function flat({ data, layout }: Figure): Figure {
  const { updatemenus: _, ...rest } = layout ?? {};
  const plain = data.map((trace) => (trace.type === "scattergl" ? { ...trace, type: "scatter" } : trace));
  return { data: plain, layout: rest };
}

/**
 * Replaces `style="fill: red"` by `fill="red"`: pages that embed a notebook's SVG (GitHub, nbviewer) may drop styles
 * and show everything in black.
 */
export function styleless(svg: string): string {
  return svg.replace(/<[a-zA-Z][^<>]* style="[^"]*"[^<>]*>/g, (tag) => {
    const style = / style="([^"]*)"/.exec(tag)![1]!.replaceAll("&quot;", "'");
    const declarations = style.split(";").map((text) => /^\s*([a-z-]+)\s*:\s*(.+?)\s*$/.exec(text));
    const values = new Map(
      declarations.filter((found) => found !== null).map((found) => [found[1]!, found[2]!]),
    );
    let bare = tag.replace(/ style="[^"]*"/, "");
    // A style overrides an attribute of the same name.
    for (const name of values.keys()) bare = bare.replace(new RegExp(` ${name}="[^"]*"`), "");
    const attributes = Array.from(values, ([name, value]) => ` ${name}="${value}"`).join("");
    return bare.replace(/(\/?>)$/, `${attributes}$1`);
  });
}

function undrawable(reason: string, cause?: unknown): UserError {
  return new UserError(
    `The figure cannot be drawn without a browser: ${reason}.`,
    "look at its data and layout; 3-D, WebGL and map traces appear only in JupyterLab",
    { cause },
  );
}

/**
 * Draws a figure as PNG with `scale` device pixels per CSS pixel, for a README or a report.
 * @example
 * const png = await figurePng(barFigure(["a"], [{ name: "images", values: [3] }], { title: "Images", x: "class", y: "images" }));
 */
export async function figurePng(
  figure: Figure,
  size: PictureSize & { scale?: number } = {},
): Promise<Buffer> {
  const svg = await figureSvg(figure, size);
  useBundledFonts();
  return sharp(Buffer.from(svg), { density: 72 * (size.scale ?? 2) })
    .png()
    .toBuffer();
}

/**
 * Returns an SVG as an HTML image that every reader shows: JupyterLab removes inline SVG from a notebook that was not
 * run, GitHub shows no SVG in HTML.
 * @param svg with a width in pixels
 */
export async function pictureHtml(svg: string, alt: string): Promise<string> {
  useBundledFonts();
  const png = await sharp(Buffer.from(svg), { density: 144 }).png({ palette: true }).toBuffer();
  const { width } = await sharp(png).metadata();
  return `<img width="${width / 2}" src="data:image/png;base64,${png.toString("base64")}" alt="${escapeHtml(alt)}">`;
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

/** Returns plotly.js in its own window: loaded for the first figure (one or two seconds), then kept. */
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
  installMeasurements(window);
  const withCanvases = installCanvas(window);
  window.eval(readFileSync(require.resolve(BUNDLE), "utf8"));
  const { toImage, PlotSchema } = window.Plotly;
  return { traceTypes: new Set(Object.keys(PlotSchema.get().traces)), toImage, withCanvases };
}

/** Adds estimated text sizes to a window: jsdom has no layout, and plotly needs text boxes for margins and legends. */
function installMeasurements(window: DOMWindow): void {
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

/** Returns the bounding box of a text from its position, the translations above it and its rotation. */
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

/** Returns the axis-aligned bounding box of points, with a DOMRect's fields; an empty box at 0,0 for no points. */
function boxAround(points: readonly Point[]) {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [left, right] = points.length > 0 ? [Math.min(...xs), Math.max(...xs)] : [0, 0];
  const [top, bottom] = points.length > 0 ? [Math.min(...ys), Math.max(...ys)] : [0, 0];
  return { x: left, y: top, left, top, right, bottom, width: right - left, height: bottom - top };
}

/**
 * Returns the width of a text in a common sans-serif face, in em, to within a few per cent (Helvetica's widths in
 * groups).
 */
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
