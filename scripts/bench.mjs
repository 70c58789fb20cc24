// `npm run bench NAME [WORD] [-- --against FOLDER]`: runs bench/NAME.mjs, optionally only cases with WORD
// in their name, against other tools of the field, or against another commit of this project, set up in FOLDER.
// Standard error has a report for people, standard output a JSON line per case.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { guardScript } from "./guard.mjs";

guardScript("bench");

const folder = join(dirname(fileURLToPath(import.meta.url)), "../bench");
const { values, positionals } = parseArgs({
  options: { against: { type: "string" } },
  allowPositionals: true,
});
const [name = "", word] = positionals;
if (values.against) process.env.BENCH_AGAINST = values.against;
const path = join(folder, `${name}.mjs`);
const isBench = (file) => /^export async function bench\b/m.test(readFileSync(join(folder, file), "utf8"));

if (existsSync(path) && isBench(`${name}.mjs`)) {
  const { bench } = await import(pathToFileURL(path).href);
  await bench(word);
} else {
  const known = readdirSync(folder).filter((file) => file.endsWith(".mjs") && isBench(file));
  console.error(`bench: there is no "${name}"; known: ${known.map((file) => file.slice(0, -4)).join(", ")}`);
  process.exitCode = 1;
}
