// `npm run bench NAME [WORD] [-- --against FOLDER] [-- --rounds N]`: runs the benchmark NAME of bench's rooms, optionally
// only cases with WORD in their name, against other tools of the field, or against another commit of this project, set
// up in FOLDER. Standard error has a report for people, standard output a JSON line per case. `npm run bench all -- --only
// WORD` runs only rows with WORD in their title; `npm run bench growth` takes `--most N` and `--write`.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { benchFiles } from "../bench/shared/paths.mjs";
import { guardScript } from "./guard.mjs";

guardScript("bench");

const { values, positionals } = parseArgs({
  options: {
    against: { type: "string" },
    rounds: { type: "string" },
    only: { type: "string" },
    most: { type: "string" },
    write: { type: "boolean" },
  },
  allowPositionals: true,
});
const [name = "", word = values.only] = positionals;
if (values.against) process.env.BENCH_AGAINST = values.against;
if (values.rounds) process.env.BENCH_ROUNDS = values.rounds;
const benches = [...benchFiles()].filter(
  ([file, path]) =>
    file.endsWith(".mjs") && /^export async function bench\b/m.test(readFileSync(path, "utf8")),
);
const found = benches.find(([file]) => file === `${name}.mjs`);

if (values.rounds !== undefined && !(Number(values.rounds) >= 1)) {
  console.error(`bench: --rounds expects a number from 1, got "${values.rounds}"`);
  process.exitCode = 1;
} else if (found) {
  const { bench } = await import(pathToFileURL(found[1]).href);
  await bench(word, values);
} else {
  const known = benches.map(([file]) => file.slice(0, -".mjs".length)).sort();
  console.error(`bench: there is no "${name}"; known: ${known.join(", ")}`);
  process.exitCode = 1;
}
