// `npm run bench growth [WORD] [-- --most 10] [-- --write]`: time and peak memory of each step at 1, 10 and 100 times the
// demo's rows, with exponents. `--most` leaves out larger multiples. Results are kept in .cache/bench/growth; `--write`
// makes docs/background/growth.md and its curves from all that are there.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseHistory } from "../overview/history.mjs";
import { describeCommit, describeMachine } from "../overview/machine.mjs";
import { median, rounded } from "../shared/numbers.mjs";
import { ROOT } from "../shared/paths.mjs";
import { growthOf } from "./exponents.mjs";
import { HOME, photoCount } from "./growth_data.mjs";
import { bySteps, growthSvg, growthTable, pointsOf } from "./growth_page.mjs";
import { STEPS } from "./growth_steps.mjs";

const RESULTS = join(HOME, "results.jsonl");
const DOCS = join(ROOT, "docs/background");
/** Repeats at multiples below 100. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const CURVES = {
  growth_time: ["seconds", "Time by rows, seconds"],
  growth_memory: ["peakMB", "Peak memory by rows, MB"],
};

/**
 * Measures the steps with `word` in their name.
 * @param {string} [word]
 * @param {{ most?: string, write?: boolean }} [options]
 */
export async function bench(word = "", { most = "100", write = false } = {}) {
  mkdirSync(HOME, { recursive: true });
  const made = {
    date: new Date().toISOString().slice(0, 16),
    commit: describeCommit(),
    machine: describeMachine(),
  };
  for (const { name, what, scales, run } of STEPS.filter((step) => step.name.includes(word)))
    for (const scale of scales.filter((one) => one <= Number(most))) {
      const load = loadavg()[0];
      const rounds = [];
      for (let round = 0; round < (scale < 100 ? ROUNDS : 1); round++) rounds.push(await run(scale));
      const numbers = {
        seconds: rounded(median(rounds.map(({ seconds }) => seconds))),
        peakMB: Math.round(median(rounds.map(({ peakMB }) => peakMB))),
      };
      const line = {
        title: `${name} ${scale}x`,
        step: name,
        what,
        scale,
        ...numbers,
        rounds: rounds.length,
        load,
        ...made,
      };
      appendFileSync(RESULTS, `${JSON.stringify(line)}\n`);
      console.log(JSON.stringify(line));
      console.error(
        `${name}, ${scale}x: ${numbers.seconds} s, ${numbers.peakMB} MB; load ${load.toFixed(1)}`,
      );
    }
  const lines = newest();
  for (const [step, ofStep] of bySteps(lines)) sayGrowth(step, ofStep);
  if (write) writePage(lines);
}

/** Returns the newest result of each step and multiple, in the order of the steps. */
function newest() {
  const { results, broken } = parseHistory(existsSync(RESULTS) ? readFileSync(RESULTS, "utf8") : "");
  for (const { line } of broken) console.error(`bench: ${RESULTS}, line ${line}, is cut off: it is left out`);
  const last = new Map(results.map((result) => [result.title, /** @type {any} */ (result)]));
  return STEPS.flatMap(({ name, what }) =>
    [...last.values()].filter(({ step }) => step === name).map((line) => ({ ...line, what })),
  );
}

function sayGrowth(step, ofStep) {
  for (const quantity of /** @type {const} */ (["seconds", "peakMB"])) {
    const { exponents, isWorse } = growthOf(pointsOf(ofStep, quantity));
    if (exponents.length === 0) continue;
    const texts = exponents.map((value) => value.toFixed(2)).join(", ");
    console.error(`${step}: ${quantity} grow by exponents ${texts}${isWorse ? ": worse than linear" : ""}`);
  }
}

function writePage(lines) {
  for (const [file, [quantity, title]] of Object.entries(CURVES))
    writeFileSync(join(DOCS, `${file}.svg`), growthSvg(lines, /** @type {any} */ (quantity), title));
  const page = join(DOCS, "growth.md");
  const text = readFileSync(page, "utf8");
  const [head, , tail] = text.split(/<!-- measured -->/);
  const { machine } = lines[0];
  const loads = lines.map(({ load }) => load);
  // the steps follow one another: the load of one is not gone when the next begins
  const isBusy = Math.max(...loads) > 2 * machine.cores;
  const commits = [...new Set(lines.map(({ commit }) => commit))].join(", ");
  const dates = lines.map(({ date }) => date.slice(0, 10)).sort();
  const said = `${machine.cpu}, ${machine.flags.join(" ")}, ${machine.cores} cores; commit ${commits}; ${dates[0]}${dates.at(-1) === dates[0] ? "" : ` to ${dates.at(-1)}`}; 1x is ${photoCount().toLocaleString("en")} photos. Rounds: ${Math.max(...lines.map(({ rounds }) => rounds))}, at 100x ${Math.min(...lines.map(({ rounds }) => rounds))}. Load of the machine before each measurement, the step before it included: ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}.${isBusy ? " **Other work ran beside it: the times are too long, the memory counts.**" : ""}`;
  const measured = `\n${growthTable(lines)}\n\n${said}\n`;
  writeFileSync(page, [head, measured, tail].join("<!-- measured -->"));
  console.error(`bench: wrote ${page}`);
}
