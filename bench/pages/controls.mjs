// `npm run bench controls [WORD]`: times from a dragged slider to what it redraws, in JupyterLab in Chromium: schedule,
// margin's curve and estimate of the demo's config, four augmented pictures. Needs data/demo (npm run demo) and Chromium.
// The table of docs/reference/notebooks.md comes from here.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg } from "node:os";
import { basename, join } from "node:path";
import { installPath } from "guie/dist/common/project.js";

const require = createRequire(import.meta.url);
const {
  notebookJson,
  openNotebook,
  runAllCells,
  startLab,
  waitUntilIdle,
} = require("../../build/test/browser/lab.js");
const { dragSlider, redrawTimes, timesSummary } = require("../../build/test/browser/redraw_times.js");

const outputOf = (cell) => `.jp-Notebook .jp-CodeCell:nth-child(${cell}) .jp-OutputArea`;
const CELLS = [
  `import * as guie from "guie";`,
  `await guie.show(
  guie.tweak(guie.preset("demo", "fine_tune"), {
    margin: guie.slider(0, 0.8, { step: 0.01 }),
    nEpochs: guie.slider(1, 400, { step: 1 }),
    seed: guie.slider(0, 1000, { step: 1 }),
  }),
);`,
  `await guie.show(guie.live({ x: guie.slider(0, 1000, { step: 1 }) }, ({ x }) => "it is " + x));`,
];

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {number} [cell]
 * @property {number} slider
 * @property {number} byPx
 * @property {RegExp} drawn
 * @property {number} [wantedMs]
 */

/**
 * What is dragged, by how far, and the number by which its redraw is known; most time for 95 % of the redraws. The first
 * case redraws one number: what page, server and kernel take by themselves.
 * @type {Case[]}
 */
const CASES = [
  { name: "one number", cell: 3, slider: 0, byPx: 200, drawn: /it is (\d+)/ },
  { name: "schedule, curve, line to paste", slider: 0, byPx: 120, drawn: /margin: ([\d.]+)/, wantedMs: 100 },
  { name: "schedule and estimate", slider: 1, byPx: 200, drawn: /steps in (\d+) epochs/, wantedMs: 100 },
  { name: "four augmented pictures", slider: 2, byPx: -200, drawn: /px, seed (\d+)/, wantedMs: 300 },
];
/** Shares of `byPx` that are dragged one after the other. */
const DRAGS = [1, -0.5, 0.4];

/** Measures every case. @param word only cases with this word in their name */
export async function bench(word = "") {
  mkdirSync(installPath("runs"), { recursive: true });
  const folder = mkdtempSync(installPath("runs", "bench-"));
  const { page, stop } = await startLab({ heightPx: 1500 });
  try {
    writeFileSync(join(folder, "controls.ipynb"), notebookJson(CELLS));
    await openNotebook(page, `runs/${basename(folder)}/controls.ipynb`);
    await runAllCells(page);
    await waitUntilIdle(page);
    for (const one of CASES.filter(({ name }) => name.includes(word))) await measure(page, one);
  } finally {
    await stop();
    rmSync(folder, { recursive: true });
  }
}

/** Drags there and back, and prints the times and the load of the machine (processes that wait or run, by minute). */
/** @param {any} page @param {Case} one */
async function measure(page, { name, cell = 2, slider, byPx, drawn, wantedMs }) {
  const output = outputOf(cell);
  const times = [];
  let lastWins = true;
  for (const px of DRAGS.map((share) => share * byPx)) {
    times.push(
      ...(await redrawTimes(page, output, slider, drawn, () => dragSlider(page, output, slider, px))),
    );
    lastWins &&= await showsLast(page.locator(output), slider, drawn);
  }
  const load = loadavg()[0].toFixed(1);
  const summary = timesSummary(times);
  console.log(
    JSON.stringify({ bench: "controls", name, ...summary, wantedMs, lastWins, load, cores: cpus().length }),
  );
  const { redraws, medianMs, within95Ms } = summary;
  console.error(
    `${name}: ${redraws} redraws, median ${medianMs} ms, 95 % within ${within95Ms} ms${wantedMs ? ` (wanted ${wantedMs})` : ""}; load ${load}`,
  );
}

/** Tells whether what is drawn in the end is the slider's last value. */
async function showsLast(output, slider, drawn) {
  const shown = Number(await output.locator(".widget-readout").nth(slider).innerText());
  return Number(drawn.exec(await output.innerText())?.[1]) === shown;
}
