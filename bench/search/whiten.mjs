// `npm run bench whiten`: the time to whiten an index by its own vectors, and to fit an LDA: 300 and 5,000 rows of 1,536
// numbers, the backbone's of the demo. The time does not depend on the numbers: they are drawn.
import { randomStream } from "guie/dist/common/random.js";
import { fitLda } from "guie/dist/retrieval/lda.js";
import { whitenByThemselves } from "guie/dist/retrieval/own_whitening.js";
import { row } from "../shared/report.mjs";

const COUNTS = [300, 5_000];
const LENGTH = 1_536;
const CLASSES = 50;
const RUNS = 3;

const WORK = {
  whiten: (rows) => whitenByThemselves(rows),
  LDA: (rows) =>
    fitLda(
      rows,
      Int32Array.from({ length: rows.count }, (_, i) => i % CLASSES),
    ),
};

/** Measures the cases with `word` in their name: the median of three runs. */
export async function bench(word = "") {
  for (const count of COUNTS)
    for (const [name, work] of Object.entries(WORK)) {
      const title = `${name} ${count} x ${LENGTH}`;
      if (title.includes(word)) await measure(title, work, drawRows(count));
    }
}

function drawRows(count) {
  const random = randomStream(1, "rows to whiten", count);
  const data = Float32Array.from({ length: count * LENGTH }, () => random.uniform() - 0.5);
  return { data, count, length: LENGTH };
}

async function measure(title, work, rows) {
  const runs = [];
  for (let i = 0; i < RUNS; i++) {
    const [cpu, startedAtMs] = [process.cpuUsage(), performance.now()];
    await work(rows);
    const { user, system } = process.cpuUsage(cpu);
    runs.push({ seconds: (performance.now() - startedAtMs) / 1000, cpuSeconds: (user + system) / 1e6 });
  }
  const median = runs.sort((a, b) => a.seconds - b.seconds)[Math.floor(RUNS / 2)];
  const peakMB = Math.round(process.resourceUsage().maxRSS / 1024);
  const more = { cpuSeconds: median.cpuSeconds };
  row({ bench: "whiten", case: title, ours: median.seconds, unit: "s", peer: null, peakMB, more });
}
