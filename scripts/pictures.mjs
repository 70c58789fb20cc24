// Draws the README's pictures from the results of `npm run demo`: docs/ladder.png, docs/neighbours.png,
// and, if Chromium is installed, docs/serving.png.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "./guard.mjs";
import { servingPng } from "./serving_picture.mjs";

guardScript("pictures");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const guie = require("guie");
const sharp = require("sharp");

const DATA_DIR = "data/demo";
const RUN = "demo_fine_tune";
const NEIGHBOURS = 5;
const CELL_PX = 96;
const GAP_PX = 12;
const COLOURS = { right: "#2ca25f", wrong: "#e34a33" };

/** Queries to show, by their class name. */
const CLASSES = ["monkey face", "rocket", "curling stone", "studio microphone", "safety pin"];

const report = JSON.parse(readFileSync(join(root, "runs/demo/report.json"), "utf8"));
writeFileSync(join(root, "docs/ladder.png"), await ladderPng(report));
writeFileSync(join(root, "docs/neighbours.png"), await neighboursPng());
const serving = await servingPng(RUN, join(DATA_DIR, "retrieval/images/rocket/noto.jpg"));
if (serving) writeFileSync(join(root, "docs/serving.png"), serving);

/**
 * Draws the ladder as bars.
 * @param scores `mp5` and `r1` of each rung, by its name
 */
async function ladderPng({ mp5, r1 }) {
  const rungs = Object.keys(mp5);
  const series = [
    { name: "mP@5", values: rungs.map((rung) => mp5[rung]) },
    { name: "R@1", values: rungs.map((rung) => r1[rung]) },
  ];
  const words = { title: "Retrieval of held-out classes, rung by rung", x: "", y: "share" };
  const figure = guie.barFigure(
    rungs.map((rung) => rung.replace("_", "-")),
    series,
    words,
  );
  const png = await guie.figurePng(figure, { widthPx: 720, heightPx: 320, scale: 2 });
  return sharp(png).flatten({ background: "#fff" }).png({ palette: true }).toBuffer();
}

/** Draws one row per query: the query, a gap, its neighbours framed green or red. */
async function neighboursPng() {
  const files = await guie.readRetrievalFiles(DATA_DIR);
  const names = await guie.readClassNames(`${DATA_DIR}/retrieval/classes.csv`);
  const embedder = guie.loadEmbedder(RUN);
  const queries = await embedder.embed(DATA_DIR, "queries", files.queries.files);
  const index = await embedder.embed(DATA_DIR, "index", files.index.files);
  const { positions } = await guie.nearestNeighbours(queries, index, NEIGHBOURS);
  const layers = [];
  for (const [row, name] of CLASSES.entries()) {
    const query = files.queries.labels.findIndex((label) => names.get(label) === name);
    layers.push(await cell(files.queries.files[query], row, 0));
    for (const [rank, position] of positions[query].entries()) {
      const isRight = files.index.labels[position] === files.queries.labels[query];
      layers.push(await cell(files.index.files[position], row, 1.3 + rank, isRight ? "right" : "wrong"));
    }
  }
  const step = CELL_PX + GAP_PX;
  const size = { width: Math.round((1.3 + NEIGHBOURS) * step), height: CLASSES.length * step };
  const page = sharp({ create: { ...size, channels: 3, background: "#fff" } });
  return page.composite(layers).png({ palette: true }).toBuffer();
}

async function cell(file, row, column, frame) {
  const image = sharp(join(root, DATA_DIR, file)).resize(CELL_PX - 8, CELL_PX - 8, {
    fit: "contain",
    background: "#fff",
  });
  const framed = image.extend({ ...border(4), background: frame ? COLOURS[frame] : "#fff" });
  const step = CELL_PX + GAP_PX;
  return { input: await framed.png().toBuffer(), left: Math.round(column * step), top: row * step };
}

function border(px) {
  return { top: px, bottom: px, left: px, right: px };
}
