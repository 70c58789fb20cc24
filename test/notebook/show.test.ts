// show() inside and outside a notebook.
import assert from "node:assert/strict";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { show } from "guie/dist/notebook/views/show";
import { contents, type Outcome, runCells } from "../kernel/drive";

const IMPORTS = `import { show } from "guie/dist/notebook/views/show";
import { lineFigure } from "guie/dist/notebook/output/plots";
import { imageGrid } from "guie/dist/notebook/output/images";
import { notebookProgress } from "guie/dist/notebook/output/progress";
import { params } from "guie/dist/notebook/output/params";
import { trace } from "guie/dist/engine/program/traced_function";
import { tf } from "guie/dist/engine/native/tf";`;

/** Returns the only bundle that a cell showed. */
function shown(outcome: Outcome): Record<string, unknown> {
  assert.equal(outcome.error, "");
  const [first, ...others] = contents(outcome, "display_data");
  assert.equal(others.length, 0);
  return first!.data as Record<string, unknown>;
}

test("in a notebook", () => {
  const [, frame, figure, broken, grid, graph, parameters, progress] = runCells(installPath("notebooks"), [
    IMPORTS,
    `import * as dfd from "danfojs-node";
await show(new dfd.DataFrame({ data: ["<script>", "b"], bundle: [1, 2] }), { title: "A frame" });`,
    `await show(lineFigure([{ name: "loss", x: [1, 2], y: [2, 1] }], { title: "Falling", x: "step", y: "loss" }));`,
    `await show({ data: [{ type: "scatter3d", x: [1], y: [1], z: [1] }] });`,
    `await show(await imageGrid([{ image: { width: 1, height: 1, data: new Uint8Array(3) }, caption: "black" }]));`,
    `const traced = trace(({ x }) => tf.square(x), { x: { shape: [2] } });
await show(traced);
traced.dispose();`,
    `const { seed } = params({ seed: 999 });\nconst typed: number = seed + 1;`,
    `const onProgress = notebookProgress();
const startedAtMs = Date.now();
for (let done = 1; done <= 1000; done++) {
  onProgress({ stage: "<resize>", done, total: 1000, unit: "images" });
  if (done % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 60));
}
console.log(Date.now() - startedAtMs);`,
  ]);
  const frameHtml = shown(frame!)["text/html"] as string;
  assert.match(frameHtml, /A frame/);
  assert.match(frameHtml, /&lt;script&gt;/);
  assert.match(frameHtml, /"\\u003cscript>"/);
  assert.deepEqual(frameHtml.match(/<\/?script/g), ["<script", "</script"], "the table's own, which sorts");

  const figureBundle = shown(figure!);
  assert.deepEqual(Object.keys(figureBundle).sort(), [
    "application/vnd.plotly.v1+json",
    "image/svg+xml",
    "text/plain",
  ]);
  const plotly = figureBundle["application/vnd.plotly.v1+json"] as { data: { y: number[] }[] };
  assert.deepEqual(plotly.data[0]!.y, [2, 1]);
  assert.equal(figureBundle["text/plain"], "Figure: Falling (scatter loss)");
  // JupyterLab still shows a figure that cannot be drawn here; the text form says why there is no picture.
  assert.deepEqual(Object.keys(shown(broken!)).sort(), ["application/vnd.plotly.v1+json", "text/plain"]);
  assert.match(shown(broken!)["text/plain"] as string, /scatter3d/);

  assert.match(shown(grid!)["text/html"] as string, /<img src="data:image\/jpeg;base64,/);
  assert.match(shown(graph!)["image/svg+xml"] as string, /^<svg .*>x<.*>Square<.*<\/svg>$/s);
  assert.match(shown(graph!)["text/plain"] as string, /^Graph of 3 nodes in 3 boxes/);
  assert.match(shown(parameters!)["text/html"] as string, /seed/);

  const bars = [...contents(progress!, "display_data"), ...contents(progress!, "update_display_data")];
  const texts = bars.map((content) => (content.data as Record<string, string>)["text/plain"]!);
  const tookMs = Number(progress!.text);
  assert.ok(texts.length >= 3 && texts.length <= tookMs / 250 + 2, `${texts.length} updates in ${tookMs} ms`);
  assert.match(texts.at(-1)!, /^<resize>: 1000\/1000 images \(100 %\), .*, done in \d+ s$/);
  assert.match((bars[0]!.data as Record<string, string>)["text/html"]!, /&lt;resize&gt;/);
});

test("outside a notebook a text form is printed", async (t) => {
  const printed: unknown[] = [];
  t.mock.method(console, "log", (line: unknown) => printed.push(line));
  await show([{ name: "apple", images: 1200 }]);
  await show({ data: [{ name: "loss", y: [1] }], layout: { title: { text: "Falling" } } });
  const headings = [{ text: "Loss" }, { text: "Margin" }];
  await show({ data: [{ name: "loss", y: [1] }], layout: { annotations: headings } });
  await show("text");
  assert.deepEqual(printed, [
    "name   images\n-----  ------\napple   1,200",
    "Figure: Falling (scatter loss)",
    "Figure: Loss; Margin (scatter loss)",
    "text",
  ]);
});
