// `npm run bench all [-- --only WORD]`: every row of wanted.mjs in one table with peers, machine and commit; a summary,
// worst ratio first; a JSON line per row in bench/history, and what changed since the row before of this kind of machine.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { loadavg } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { whyNot } from "../shared/cases.mjs";
import { benchFiles, ROOT } from "../shared/paths.mjs";
import { appendResult, changes, historyFile, lastOf, readHistory } from "./history.mjs";
import { describeCommit, describeMachine } from "./machine.mjs";
import { changeText, summary, table } from "./summary.mjs";
import { ROWS } from "./wanted.mjs";

/** Rows of fewer rounds are shown, and not kept. */
const LEAST_ROUNDS = 5;

/** Runs the rows with `word` in their title, their benchmark's name, or their case's. */
export async function bench(word = "") {
  const rows = ROWS.filter((row) => [row.title, row.bench, row.case].some((text) => text.includes(word)));
  const machine = describeMachine();
  const made = { date: new Date().toISOString().slice(0, 16), commit: describeCommit(), machine };
  const file = historyFile(machine.kind);
  const history = readHistory(file);
  for (const { line, text } of history.broken)
    console.error(`bench: ${relative(ROOT, file)}, line ${line}, is cut off and is not compared: ${text}`);
  const startedAt = performance.now();
  const results = [];
  for (const [bench, name] of casesOf(rows)) {
    const ofCase = rows.filter((row) => row.bench === bench && row.case === name);
    const reason = whyNot(await findCase(bench, name));
    const load = Number(loadavg()[0].toFixed(1));
    const measured = reason ? { lines: [], note: `left out: ${reason}` } : await runCase(bench, name);
    for (const row of ofCase) {
      const result = { ...made, ...resultOf(row, measured), load };
      const before = lastOf(history.results, row.title);
      const found = changes(before, result);
      if (result.rounds >= LEAST_ROUNDS) appendResult(file, result);
      console.log(JSON.stringify(result));
      results.push({ ...result, changes: found });
    }
  }
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(0);
  const { kind, cpu, flags, cores } = machine;
  console.error(`\n${table(results)}\n`);
  console.error(`${kind}: ${cpu}, ${flags.join(" ")}, ${cores} cores; commit ${made.commit}, ${made.date}`);
  console.error(`${results.length} rows in ${minutes} minutes; worst ratios first:`);
  for (const line of summary(results)) console.error(line);
  for (const { title, changes: found } of results)
    if (found.length > 0) console.error(`changed: ${title}: ${changeText(found)}`);
}

/** Returns each case of some rows once: benchmark and name. */
function casesOf(rows) {
  const keys = new Set(rows.map((row) => JSON.stringify([row.bench, row.case])));
  return [...keys].map((key) => JSON.parse(key));
}

/** Returns the case of a benchmark. @throws Error if it has none of that name */
export async function findCase(bench, name) {
  const path = benchFiles().get(`${bench}.mjs`);
  if (!path) throw new Error(`bench: there is no benchmark "${bench}"`);
  const { CASES } = await import(pathToFileURL(path).href);
  const found = CASES?.find((one) => one.name === name);
  if (!found) throw new Error(`bench: "${bench}" has no case "${name}"`);
  return found;
}

/** Runs a case in a process of its own; returns its lines of JSON, and a note if it failed. */
async function runCase(bench, name) {
  console.error(`\n${bench}: ${name} ...`);
  const child = spawn(process.execPath, [join(ROOT, "scripts/bench.mjs"), bench, name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (part) => {
    text += part;
  });
  const [code] = await once(child, "close");
  if (code !== 0) process.exitCode = 1;
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  const note = code === 0 ? "nothing was measured" : `failed: exit code ${code}`;
  return { lines: lines.map((line) => JSON.parse(line)), note };
}

/** Returns what a case's lines say of a row. */
function resultOf(row, { lines, note }) {
  const line = lines.find(({ case: name, peer }) => name === row.case && peer === row.peer);
  const named = { title: row.title, bench: row.bench, case: row.case, peer: row.peer, wanted: row.wanted };
  if (!line) return { ...named, ours: null, theirs: null, ratio: null, note };
  if (row.measure !== "memory") return { ...line, ...named };
  const [ours, theirs] = [line.peakMB, line.theirPeakMB];
  const ratio = theirs ? Number((theirs / ours).toPrecision(4)) : null;
  const numbers = { ours, unit: "MB", theirs, ratio, peakMB: ours, theirPeakMB: theirs };
  return { ...named, measure: row.measure, ...numbers, rounds: line.rounds, note: line.note };
}
