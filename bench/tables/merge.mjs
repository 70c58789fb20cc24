// `npm run bench merge`: runs Data_Merge at the original's size, and opens its result for training, against pandas.
import { mkdirSync, rmSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DATA_SETS } from "guie/dist/datasets/catalogue.js";
import { mergeTables } from "guie/dist/tables/merge_tables.js";
import { chosenCases } from "../shared/cases.mjs";
import { contest } from "../shared/contest.mjs";
import { findPython } from "../shared/report.mjs";
import { mergeInput } from "./merge_input.mjs";

const here = dirname(fileURLToPath(import.meta.url));

const PANDAS = "pandas 3.1";
export const CASES = [
  { name: "merge, sample, resample, folds: 3 M rows", work: "merge", rounds: 5 },
  { name: "open for training: 6 M rows", work: "open", rounds: 5 },
].map((spec) => ({ ...spec, peers: [PANDAS] }));

/** Runs the cases with `word` in their name; one row each, in rows/s of the last table. */
export async function bench(word = "") {
  const python = findPython();
  const dataDir = mergeInput();
  const tables = await mergeTables({ dataDir, datasets: DATA_SETS });
  const { file, rows } = tables.at(-1);
  const out = join(dataDir, "pandas");
  mkdirSync(out, { recursive: true });
  const datasets = DATA_SETS.map(({ name, folder }) => [name, folder]);
  for (const { name, work, rounds } of chosenCases(CASES, word)) {
    const argument = JSON.stringify({ work, dataDir, datasets, out, csv: join(dataDir, file) });
    await contest({
      bench: "merge",
      name,
      unit: "rows/s",
      rate: (ms) => (1000 * rows) / ms,
      ours: [process.execPath, [join(here, "merge_ours.mjs"), argument]],
      peers: { [PANDAS]: python && [python, [join(here, "merge_pandas.py"), argument]] },
      warmUps: 0,
      rounds,
    });
  }
  rmSync(out, { recursive: true });
  console.error(`load of the machine at the end: ${loadavg()[0].toFixed(1)}`);
}
