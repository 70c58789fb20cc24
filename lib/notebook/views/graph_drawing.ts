// Drawing of a folded graph as SVG: laid out by dagre, scopes as frames around their boxes.
import { Graph, layout } from "@dagrejs/dagre";
import { escapeHtml } from "../../common/html";
import type { Box, Outline } from "../../engine/graph/graph_outline";
import type { MimeBundle } from "../output/display";

const FONT_PX = 12;
/** Width of a letter of a monospace font. */
const LETTER_PX = FONT_PX * 0.61;
const LINE_PX = 16;
const PADDING_PX = 8;

/** Attributes by class. Not a style sheet, which readers that embed SVG in a page (GitHub, nbviewer) may drop. */
const LOOKS: Record<string, Record<string, string | number>> = {
  text: { "font-family": "monospace", "font-size": FONT_PX, "text-anchor": "middle", fill: "#222" },
  what: { "font-size": 10, fill: "#777", stroke: "#fff", "stroke-width": 4, "paint-order": "stroke" },
  frame: { fill: "#888", "fill-opacity": 0.1, stroke: "#aaa" },
  "frame-name": { "text-anchor": "start", fill: "#777" },
  node: { fill: "#fff", stroke: "#666" },
  scope: { fill: "#dce8f7", stroke: "#4a7ab5" },
  input: { fill: "#e3f3e1", stroke: "#4d9a47" },
  flow: { fill: "none", stroke: "#888" },
};

const ARROW =
  '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">' +
  '<path d="M0 0L8 4L0 8z" fill="#888"/></marker>';

/** A place given by dagre; x and y are its middle. */
interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A traced function that can be drawn. */
export interface DrawableGraph {
  outline(depth?: number): Outline;
}

/**
 * Draws a traced function: `show(f)` draws it at a readable depth, `show(drawGraph(f, 2))` with two
 * levels of scopes open. Constants and reads of variables are left out: `String(f)` names every node.
 * @example
 * show(drawGraph(trace(({ x }) => ({ y: tf.square(x) }), { x: { shape: [null, 2] } })));
 */
export function drawGraph(traced: DrawableGraph, depth?: number): { bundle: MimeBundle } {
  const outline = traced.outline(depth);
  return { bundle: { "image/svg+xml": outlineSvg(outline), "text/plain": outlineText(outline) } };
}

/** Returns a line such as "images -> block00/: float32[2080,384]" for every flow. */
function outlineText({ boxes, flows }: Outline): string {
  const nodes = boxes.reduce((sum, { count }) => sum + count, 0);
  const lines = flows.map(({ from, to, what }) => `${from} -> ${to}: ${what}`);
  return [`Graph of ${nodes} nodes in ${boxes.length} boxes`, ...lines].join("\n");
}

/** Returns the outline as an SVG document. */
export function outlineSvg(outline: Outline): string {
  const graph = new Graph({ compound: true });
  graph.setGraph({ rankdir: "TB", nodesep: 24, ranksep: 30, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const box of outline.boxes) graph.setNode(box.path, sizeOf(linesOf(box)));
  const frames = framesOf(outline.boxes);
  for (const frame of frames) graph.setNode(frame, {});
  for (const path of [...frames, ...outline.boxes.map(({ path }) => path)]) {
    const parent = parentOf(path);
    if (parent) graph.setParent(path, parent);
  }
  for (const { from, to, what } of outline.flows) {
    graph.setEdge(from, to, { width: what.length * LETTER_PX, height: LINE_PX, labelpos: "c" });
  }
  layout(graph);
  const place = (path: string) => graph.node(path) as Place;
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return element(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` },
    [
      element("defs", {}, [ARROW]),
      // White background on pages of any colour
      element("rect", { width, height, rx: 6, fill: "#fff" }),
      ...frames.map((path) => frameSvg(path, place(path))),
      ...outline.flows.map(({ from, to, what }) => flowSvg(what, graph.edge(from, to) as FlowPlace)),
      ...outline.boxes.map((box) => boxSvg(box, place(box.path))),
    ],
  );
}

interface FlowPlace {
  points: { x: number; y: number }[];
  x: number;
  y: number;
}

/** Returns the lines of text in a box. */
function linesOf({ path, op, count }: Box): string[] {
  const name = lastName(path);
  if (op === undefined) return [name, `${count} ${count === 1 ? "node" : "nodes"}`];
  if (op === "Placeholder") return [name, "input"];
  return name.replace(/_\d+$/, "") === op ? [name] : [name, op];
}

/** Returns the last name of a path: "MatMul" of "block00/MatMul", "attention/" of "block00/attention/". */
function lastName(path: string): string {
  return /[^/]*\/?$/.exec(path)![0];
}

/** Returns the scope around a path, with its slash; "" for the outermost. */
function parentOf(path: string): string {
  return path.slice(0, path.length - lastName(path).length);
}

/** Returns all open scopes, outer ones first. */
function framesOf(boxes: readonly Box[]): string[] {
  const frames = new Set<string>();
  for (const { path } of boxes) {
    for (let frame = parentOf(path); frame !== ""; frame = parentOf(frame)) frames.add(frame);
  }
  return [...frames].sort((a, b) => a.length - b.length);
}

function sizeOf(lines: readonly string[]): { width: number; height: number } {
  const longest = Math.max(...lines.map((line) => line.length));
  return { width: longest * LETTER_PX + 2 * PADDING_PX, height: lines.length * LINE_PX + PADDING_PX };
}

function boxSvg(box: Box, place: Place): string {
  const kind = box.op === undefined ? "scope" : box.op === "Placeholder" ? "input" : "node";
  const lines = linesOf(box);
  const top = place.y - (lines.length * LINE_PX) / 2 + FONT_PX;
  return element("g", { class: "box" }, [
    element("rect", { class: kind, rx: 4, ...cornerOf(place) }),
    ...lines.map((line, i) => textSvg(line, { x: place.x, y: top + i * LINE_PX })),
  ]);
}

function frameSvg(path: string, place: Place): string {
  const { x, y } = cornerOf(place);
  return element("g", {}, [
    element("rect", { class: "frame", rx: 6, ...cornerOf(place) }),
    textSvg(lastName(path), { class: "frame-name", x: x + 4, y: y + FONT_PX }),
  ]);
}

function flowSvg(what: string, { points, x, y }: FlowPlace): string {
  const d = points.map((point, i) => `${i === 0 ? "M" : "L"}${round(point.x)} ${round(point.y)}`).join("");
  return element("g", { class: "edge" }, [
    element("path", { class: "flow", d, "marker-end": "url(#arrow)" }),
    textSvg(what, { class: "what", x, y: y + FONT_PX / 3 }),
  ]);
}

function cornerOf({ x, y, width, height }: Place): Place {
  return { x: x - width / 2, y: y - height / 2, width, height };
}

function textSvg(text: string, attributes: Record<string, string | number>): string {
  return element("text", attributes, [escapeHtml(text)]);
}

/** Returns an element with the attributes of its name and class. @param children escaped markup */
function element(name: string, attributes: Record<string, string | number>, children: string[] = []): string {
  const looks = { ...LOOKS[name], ...LOOKS[String(attributes.class)] };
  const list = Object.entries({ ...looks, ...attributes }).map(
    ([key, value]) => ` ${key}="${escapeHtml(String(typeof value === "number" ? round(value) : value))}"`,
  );
  return `<${name}${list.join("")}>${children.join("")}</${name}>`;
}

/** Rounds to tenths of a pixel. */
function round(px: number): number {
  return Math.round(px * 10) / 10;
}
