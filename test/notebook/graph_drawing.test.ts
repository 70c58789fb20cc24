// Drawing a traced graph as SVG.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tf } from "guie/dist/engine/native/tf";
import { trace } from "guie/dist/engine/program/traced_function";
import { scope } from "guie/dist/engine/tracing/scope";
import { drawGraph, outlineSvg } from "guie/dist/notebook/views/graph_drawing";
import { JSDOM } from "jsdom";

/** Parses the drawing as XML; throws if it is not well-formed. */
function parsed(svg: string): Document {
  return new JSDOM(svg, { contentType: "image/svg+xml" }).window.document;
}

const textsIn = (parent: ParentNode) =>
  Array.from(parent.querySelectorAll("text"), ({ textContent }) => textContent);

test("a traced function as SVG: a box per node, a frame per open scope, an edge per flow", () => {
  const traced = trace(({ x }) => scope("block", () => tf.exp(scope("inner", () => tf.neg(x)))), {
    x: { shape: [2] },
  });
  const { bundle } = drawGraph(traced, 1);
  const svg = parsed(bundle["image/svg+xml"] as string);
  const boxes = Array.from(svg.querySelectorAll("g.box"), (box) => textsIn(box).join(" "));
  assert.deepEqual(boxes, ["x input", "inner/ 1 node", "Exp", "output Identity"]);
  assert.equal(svg.querySelectorAll("g.edge path").length, 3);
  assert.equal(svg.querySelectorAll("rect.frame").length, 1);
  assert.deepEqual(
    Array.from(svg.querySelectorAll("g.edge"), (edge) => textsIn(edge)[0]),
    Array(3).fill("float32[2]"),
  );
  assert.match(
    bundle["text/plain"] as string,
    /^Graph of 4 nodes in 4 boxes\nx -> block\/inner\/: float32\[2\]$/m,
  );
  traced.dispose();
});

test("boxes do not overlap and are within the picture", () => {
  const traced = trace(({ x }) => tf.add(tf.exp(x), tf.neg(x)), { x: { shape: [2] } });
  const svg = parsed(drawGraph(traced).bundle["image/svg+xml"] as string);
  const sizeOf = (element: Element, names: string[]) =>
    names.map((name) => Number(element.getAttribute(name)));
  const [width, height] = sizeOf(svg.documentElement, ["width", "height"]);
  const rects = Array.from(svg.querySelectorAll("g.box rect"), (rect) =>
    sizeOf(rect, ["x", "y", "width", "height"]),
  );
  assert.equal(rects.length, 5);
  for (const [i, [x, y, w, h]] of rects.entries()) {
    assert.ok(x! >= 0 && y! >= 0 && x! + w! <= width! && y! + h! <= height!, `box ${i}`);
    for (const [x2, y2, w2, h2] of rects.slice(i + 1)) {
      assert.ok(x! + w! <= x2! || x2! + w2! <= x! || y! + h! <= y2! || y2! + h2! <= y!, `box ${i} overlaps`);
    }
  }
  traced.dispose();
});

test("markup in names stays text", () => {
  const name = `<script>alert("1 & 2")</script>`;
  const svg = outlineSvg({
    boxes: [
      { path: `${name}/a`, op: "Exp", count: 1 },
      { path: "b", op: name, count: 1 },
    ],
    flows: [{ from: `${name}/a`, to: "b", what: name }],
  });
  const document = parsed(svg);
  assert.equal(document.querySelectorAll("script").length, 0);
  assert.equal(document.querySelectorAll("g.box").length, 2);
  assert.ok(textsIn(document).filter((text) => text!.includes("alert(")).length >= 2);
});
