// Makes docs/start/gallery.md and its pictures in docs/gallery/ from the outputs that the notebooks hold: figures as
// SVG, as they are; grids and maps photographed in Chromium (without it, the old pictures stay).
//   npm run pictures
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { guardScript } from "./guard.mjs";
import { textOf } from "./notebooks/outputs.mjs";
import { notebookPath } from "./originals.mjs";

guardScript("gallery");

const require = createRequire(import.meta.url);
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { CHROMIUM_FLAGS, chromiumPath } = require(join(root, "build/test/browser/lab.js"));
const { escapeHtml } = require("guie/dist/common/html");
const sharp = require("sharp");

const WIDTH_PX = 900;
const SCALE = 1.5;

/** Pictures in order: the notebook, a call in the cell's source, what there is to see. */
const PICTURES = [
  ["Quick_Start", "foundGrid", "Queries and their nearest images in a folder, without training"],
  ["Data_Merge", "histogramOfClassSizes", "Class sizes before and after balancing"],
  ["Train", "scheduleFigure", "Learning rate and margin of both stages, before anything is trained"],
  ["Train", "startRun(frozen)", "A run: its loss, and its scores after each epoch"],
  ["Experiments", "lrFigure", "Which learning rate? A range test in seconds"],
  ["Experiments", "sweepFigure", "Which settings? A sweep on cached features"],
  ["Experiments", "marginFigure", "How sure is the model of each image?"],
  ["Experiments", "hardestGrid", "The hardest images, and what they were taken for"],
  ["Experiments", "gradientFigure", "The first gradients of fine-tuning, part by part"],
  [
    "Experiments",
    "augmentationRanges",
    "Each part of the augmentation, from one end of its range to the other",
  ],
  ["Experiments", "wiseFigure", "Between the pretrained tower and the fine-tuned one: gained and forgotten"],
  ["Inference", "comparisonFigure", "The ladder on held-out classes, with 95 % intervals"],
  ["Inference", "queries: some", "Queries and their nearest images: held-out classes"],
  ["Inference", "queries: hardest", "Where it fails: the most confident mistakes"],
  ["Inference", "confusionFigure", "Which data sets are taken for one another"],
  [
    "Inference",
    "verdictFigure",
    "Is it in there at all? What a threshold accepts, and whether its probability is true",
  ],
  ["Inference", "buildAtlas", "The embedding atlas, as a still picture"],
];

/** Returns the output of a cell that has a picture. @throws Error if no cell has this call */
function outputOf(notebook, call) {
  const { cells } = JSON.parse(readFileSync(notebookPath(notebook), "utf8"));
  const cell = cells.find(({ cell_type: type, source }) => type === "code" && textOf(source).includes(call));
  const outputs = (cell?.outputs ?? []).map(({ data = {} }) => data);
  const found =
    outputs.find((data) => "image/svg+xml" in data) ??
    outputs.find((data) => /<(img|svg) /.test(textOf(data["text/html"])));
  if (!found) throw new Error(`notebooks/${notebook}.ipynb holds no picture made by ${call}`);
  return found;
}

/** Writes a file under a temporary name first. */
function write(path, content) {
  writeFileSync(`${path}.tmp`, content);
  renameSync(`${path}.tmp`, path);
}

/** Returns an HTML output as it looks on a white page, as WebP. */
async function photograph(browser, html) {
  const page = await browser.newPage({
    viewport: { width: WIDTH_PX, height: 600 },
    deviceScaleFactor: SCALE,
    javaScriptEnabled: false,
  });
  await page.setContent(
    `<body style="font: 14px sans-serif; margin: 8px; width: max-content">${html}</body>`,
  );
  const png = await page.locator("body").screenshot();
  await page.close();
  return sharp(png).webp({ quality: 80 }).toBuffer();
}

const folder = join(root, "docs/gallery");
mkdirSync(folder, { recursive: true });
const browser = chromiumPath()
  ? await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_FLAGS })
  : undefined;
const parts = [];
for (const [notebook, call, words] of PICTURES) {
  const data = outputOf(notebook, call);
  const svg = textOf(data["image/svg+xml"]);
  const file = `${notebook}_${call.replaceAll(/\W+/g, "_").replace(/_$/, "")}.${svg ? "svg" : "webp"}`;
  if (svg) write(join(folder, file), svg.replace(">", `><title>${escapeHtml(words)}</title>`));
  else if (browser) write(join(folder, file), await photograph(browser, textOf(data["text/html"])));
  parts.push(
    `**${words}** ([${notebook}](../../notebooks/${notebook}.ipynb))\n\n![${words}](../gallery/${file})`,
  );
}
await browser?.close();
write(
  join(root, "docs/start/gallery.md"),
  `# Gallery

*For what the notebooks show, without running them.*

Every picture is an output that the linked notebook holds, made on the demo's drawings; \`npm run pictures\` makes this page from them.

${parts.join("\n\n")}
`,
);
