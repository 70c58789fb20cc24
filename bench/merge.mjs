// `npm run bench merge`: runs Data_Merge at the original's size, and opens its result for training, against pandas.
import { mkdirSync, rmSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DATA_SETS } from "guie/dist/datasets/catalogue.js";
import { mergeTables } from "guie/dist/tables/merge_tables.js";
import { alternate, startContestant } from "./contestant.mjs";
import { mergeInput } from "./merge_input.mjs";
import { findPython, row } from "./report.mjs";

const here = dirname(fileURLToPath(import.meta.url));

const CASES = [
  { name: "merge, sample, resample, folds: 3 M rows", work: "merge", rounds: 3 },
  { name: "open for training: 6 M rows", work: "open", rounds: 3 },
];

/** Runs the cases with `word` in their name; one row each, in rows/s of the last table. */
export async function bench(word = "") {
  const python = findPython();
  const dataDir = mergeInput();
  const tables = await mergeTables({ dataDir, datasets: DATA_SETS });
  const { file, rows } = tables.at(-1);
  const out = join(dataDir, "pandas");
  mkdirSync(out, { recursive: true });
  const datasets = DATA_SETS.map(({ name, folder }) => [name, folder]);
  for (const { name, work, rounds } of CASES.filter((spec) => spec.name.includes(word))) {
    const argument = JSON.stringify({ work, dataDir, datasets, out, csv: join(dataDir, file) });
    const contestants = [await startContestant(process.execPath, [join(here, "merge_ours.mjs"), argument])];
    if (python) contestants.push(await startContestant(python, [join(here, "merge_pandas.py"), argument]));
    const [oursMs, theirsMs] = await alternate(contestants, { warmUps: 0, rounds });
    const [peakMB, theirPeakMB] = await Promise.all(contestants.map((contestant) => contestant.end()));
    row({
      bench: "merge",
      case: name,
      unit: "rows/s",
      peer: "pandas 3.1",
      peakMB,
      theirPeakMB,
      ours: (1000 * rows) / oursMs,
      theirs: theirsMs && (1000 * rows) / theirsMs,
    });
  }
  rmSync(out, { recursive: true });
  console.error(`load of the machine at the end: ${loadavg()[0].toFixed(1)}`);
}
