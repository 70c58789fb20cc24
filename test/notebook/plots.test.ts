// Figures: lines, bars, histograms, heat maps, their SVG and fonts.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { type Figure, figurePng, figureSvg, styleless } from "guie/dist/notebook/output/figure";
import {
  barFigure,
  heatFigure,
  histogramOfClassSizes,
  lineFigure,
  sideBySide,
} from "guie/dist/notebook/output/plots";
import { JSDOM } from "jsdom";
import sharp from "sharp";

const WORDS = { title: "The loss <falls>", x: "step", y: "loss" };

async function draw(figure: Figure) {
  const { document } = new JSDOM(await figureSvg(figure)).window;
  const texts = [...document.querySelectorAll("text")].map((text) => text.textContent);
  return { document, texts };
}

test("class sizes are counted in bins of doubling width", () => {
  const figure = histogramOfClassSizes({
    raw: [1, 2, 3, 4, 4, 5, 8, 9],
    kept: [{ images: 9 }, { images: 16 }],
  });
  const bars = figure.data.map(({ name, x, y }) => ({ name, x, y }));
  const x = ["1", "2", "3–4", "5–8", "9–16"];
  assert.deepEqual(bars, [
    { name: "raw", x, y: [1, 1, 3, 2, 1] },
    { name: "kept", x, y: [0, 0, 0, 0, 2] },
  ]);
});

test("a line figure is drawn with its texts, a legend for two series, and a path through all points", async () => {
  const x = [0, 1, 2, 3];
  const { document, texts } = await draw(
    lineFigure(
      [
        { name: "training", x, y: [4, 3, 2, 1] },
        { name: "validation", x, y: [5, 5, 4, 4] },
      ],
      WORDS,
    ),
  );
  for (const text of ["The loss <falls>", "step", "loss", "training", "validation", "0", "3"]) {
    assert.ok(texts.includes(text), `${text} in ${texts}`);
  }
  const paths = [...document.querySelectorAll(".scatterlayer path.js-line")].map(
    (path) => path.getAttribute("d")!,
  );
  assert.equal(paths.length, 2);
  // A straight line from the upper left to the lower right corner of the first series.
  const [start, end] = [
    paths[0]!.match(/[\d.]+,[\d.]+/g)![0]!,
    paths[0]!.match(/[\d.]+,[\d.]+/g)!.at(-1)!,
  ].map((p) => p.split(",").map(Number));
  assert.equal(start![0], 0);
  assert.ok(end![0]! > 500 && end![1]! > start![1]!, paths[0]);
});

test("long labels and wide numbers have space: no text leaves the picture", async () => {
  const labels = Array.from({ length: 14 }, (_, i) => `DeepFashion_CTS_${i}`);
  const figure = barFigure(labels, [{ name: "images", values: labels.map((_, i) => i * 1e6) }], WORDS);
  figure.layout!.xaxis = { ...(figure.layout!.xaxis as object), tickangle: -90 };
  const { data, info } = await sharp(await figurePng(figure, { scale: 1 }))
    .flatten({ background: "#ffffff" })
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height], [760, 360]);
  const { width, height } = info;
  const edge = [...data.keys()].filter(
    (i) => i < width || i >= width * (height - 1) || i % width === 0 || i % width === width - 1,
  );
  assert.ok(
    edge.every((i) => data[i]! > 250),
    "something is cut off at the edge",
  );
  assert.ok(
    data.some((value) => value < 150),
    "nothing is drawn",
  );
});

test("drawing does not change the figure, and names a trace that needs a browser", async () => {
  const figure = heatFigure(
    [
      [1, 2],
      [3, 4],
    ],
    WORDS,
  );
  const before = structuredClone(figure);
  await figureSvg(figure);
  assert.deepEqual(figure, before);
  const wrong = { data: [{ type: "scatter3d", x: [1], y: [1], z: [1] }] };
  await assert.rejects(figureSvg(wrong), { name: "UserError", message: /a trace of type "scatter3d"/ });
});

test("a heat map's cells are squares and have their colours", async () => {
  const figure = heatFigure(
    [
      [0, 1],
      [1, 0],
    ],
    WORDS,
  );
  const { document } = await draw(figure);
  const [wide, high] = ["width", "height"].map((side) =>
    Number(document.querySelector("image")!.getAttribute(side)),
  );
  assert.ok(Math.abs(wide! - high!) < 1, `cells are squares: ${wide} x ${high}`);
  const address = document.querySelector("image")!.getAttribute("xlink:href")!;
  const { data, info } = await sharp(Buffer.from(address.split(",")[1]!, "base64"))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const pixel = (x: number, y: number) => [...data.subarray(3 * (y * info.width + x)).subarray(0, 3)];
  const far = info.width - 1;
  // Viridis begins with rgb(68, 1, 84) and ends with rgb(253, 231, 37).
  assert.deepEqual(
    [pixel(0, 0), pixel(far, 0), pixel(0, far), pixel(far, far)],
    [
      [68, 1, 84],
      [253, 231, 37],
      [253, 231, 37],
      [68, 1, 84],
    ],
  );
});

test("a style's values become attributes and override existing ones: no style is left for a page to drop", () => {
  assert.equal(
    styleless(
      `<path fill="none" d="M0"  style="fill: red; font-family: &quot;Open Sans&quot;, serif;"/><g>a</g>`,
    ),
    `<path d="M0"  fill="red" font-family="'Open Sans', serif"/><g>a</g>`,
  );
});

test("two figures side by side: separate axes, legends and titles, one colour per name", async () => {
  const left = lineFigure([{ name: "a", x: [1, 2], y: [1, 2] }], { ...WORDS, title: "Left" });
  const right = lineFigure(
    [
      { name: "b", x: [1, 2], y: [1, 2] },
      { name: "a", x: [1, 2], y: [2, 2] },
    ],
    { ...WORDS, title: "Right" },
  );
  const both = sideBySide(left, right);
  const colours = both.data.map(({ line }) => (line as { color: string }).color);
  assert.equal(colours[0], colours[2]);
  assert.notEqual(colours[0], colours[1]);
  const { document } = await draw(both);
  const texts = [...document.querySelectorAll("text")].map(({ textContent }) => textContent);
  for (const title of ["Left", "Right"]) assert.ok(texts.includes(title), title);
  assert.equal(document.querySelectorAll(".subplot").length, 2);
  assert.equal(
    texts.filter((text) => text === "a" || text === "b").length,
    2,
    "the left one needs no legend",
  );
});

test("two figures side by side with the same names have one legend, below them", async () => {
  const lines = ["a run with a long name", "another one"].map((name) => ({ name, x: [1, 2], y: [1, 2] }));
  const both = sideBySide(lineFigure(lines, WORDS), lineFigure(lines, WORDS));
  assert.ok((both.layout as { legend: { y: number } }).legend.y < 0);
  const { document } = await draw(both);
  const texts = [...document.querySelectorAll("text")].map(({ textContent }) => textContent);
  for (const { name } of lines) assert.equal(texts.filter((text) => text === name).length, 1, name);
});

test("a machine without fonts draws the texts of a picture like one with fonts", (t) => {
  const script = `
    const { barFigure } = require("guie/dist/notebook/output/plots");
    const { figurePng } = require("guie/dist/notebook/output/figure");
    const words = { title: "Bars", x: "class", y: "images" };
    const figure = barFigure(["apple", "pear"], [{ name: "images", values: [1, 2] }], words);
    figurePng(figure, { scale: 1 }).then((png) => process.stdout.write(png));`;
  const drawn = (hidden: boolean) => {
    // Without its own mount, a process sees the machine's fonts: then both draw with them, and nothing is tested
    const hide = "mount -t tmpfs none /usr/share/fonts && mount -t tmpfs none /etc/fonts && ";
    const command = hidden ? ["unshare", "-m", "sh", "-c", `${hide}exec "$@"`, "sh"] : ["env"];
    const [program, ...args] = [...command, process.execPath, "-e", script];
    return spawnSync(program!, args, { cwd: installPath(), env: { ...process.env, XDG_CACHE_HOME: cache } });
  };
  const cache = mkdtempSync(join(tmpdir(), "guie-fonts-"));
  const [plain, bare] = [drawn(false), drawn(true)];
  rmSync(cache, { recursive: true });
  if (bare.status !== 0) return t.skip(`fonts cannot be hidden here: ${bare.stderr}`);
  assert.deepEqual(bare.stdout, plain.stdout);
});
