// `npm run bench atlas [WORD]`: the time from a mouse event to the redrawn map of the atlas, for 10,000 and 100,000
// points, against plotly's scattergl, and against regl-scatterplot if `npm run bench:setup` has installed it. Headless
// Chromium with WebGL in software; a redraw has ended at the first frame after the drawing (see atlas_page.mjs).
import { existsSync } from "node:fs";
import { median, quantile } from "../shared/numbers.mjs";
import { row } from "../shared/report.mjs";
import { AtlasPages, REGL_SCATTERPLOT } from "./atlas_page.mjs";

const COUNTS = [10_000, 100_000];
const GESTURES = { move: "moved by dragging", zoom: "zoomed by the wheel", lasso: "lasso let go" };
const PEERS = { plotly: "plotly.js 4.1.1 scattergl", regl: "regl-scatterplot 1.16.0" };

/** Measures the cases with `word` in their name, one row per peer. */
export async function bench(word = "") {
  const pages = await AtlasPages.open();
  console.error(`bench: Chromium ${pages.version} ${pages.flags.join(" ")}: ${pages.renderer}`);
  const peers = Object.keys(PEERS).filter((name) => name !== "regl" || existsSync(REGL_SCATTERPLOT));
  for (const count of COUNTS) {
    const cases = Object.entries(GESTURES)
      .map(([gesture, words]) => ({ gesture, name: `${count.toLocaleString("en")} points, ${words}` }))
      .filter(({ name }) => name.includes(word));
    if (cases.length === 0) continue;
    const gestures = cases.map(({ gesture }) => gesture);
    const measured = {};
    for (const name of ["ours", ...peers]) measured[name] = await pages.measure(name, count, gestures);
    for (const { gesture, name } of cases)
      for (const peer of peers) report(name, measured.ours, PEERS[peer], measured[peer], gesture);
  }
  await pages.close();
}

function report(name, ours, peer, theirs, gesture) {
  const [own, other] = [ours, theirs].map(({ timesMs }) => timesMs[gesture]);
  row({
    bench: "atlas",
    case: name,
    unit: "redraws/s",
    peer,
    ours: 1000 / median(own),
    theirs: 1000 / median(other),
    peakMB: ours.heapMB,
    theirPeakMB: theirs.heapMB,
    more: {
      redraws: own.length,
      medianMs: median(own),
      p95Ms: quantile(own, 0.95),
      theirMedianMs: median(other),
      theirP95Ms: quantile(other, 0.95),
    },
  });
}
