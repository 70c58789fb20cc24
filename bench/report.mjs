// How benchmarks report: a line for people, a line of JSON for programs.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FORMER } from "./former.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** The Python environment of the peers, made by `npm run bench:setup`. */
export const PEERS = join(root, ".cache/peers/bench");

/** The peer of the models' benchmarks. */
export const TORCH = "torch 2.13 eager";

/**
 * Python with the peers, or undefined with a note.
 * @param module what it must be able to import
 */
export function findPython(module = "torch") {
  if (FORMER) return undefined;
  const python = join(PEERS, "bin/python");
  const hasModule = () => spawnSync(python, ["-c", `import ${module}`], { stdio: "ignore" }).status === 0;
  if (existsSync(python) && hasModule()) return python;
  console.error("bench: no peers to compare with; install them by: npm run bench:setup");
  return undefined;
}

/**
 * Prints a case's result.
 * @param peer whom ours is compared with; null where the case has nobody
 * @param theirs the peer's number, undefined where it could not run; `ratio` above 1 means that ours is better
 * @param more further numbers of the case
 */
export function row({ bench, case: name, ours, unit, peer, theirs, peakMB, theirPeakMB, more = {} }) {
  const rounded = (value) => (value === undefined ? null : Number(value.toPrecision(4)));
  const ratio = theirs === undefined ? null : rounded(ours / theirs);
  const versus =
    theirs === undefined ? "" : `; ${peer} ${rounded(theirs)}, ${theirPeakMB} MB: ratio ${ratio}`;
  console.error(`${name}: ${rounded(ours)} ${unit}, ${peakMB} MB${versus}`);
  const line = { bench, case: name, ours: rounded(ours), unit, peer, theirs: rounded(theirs), ratio };
  const numbers = Object.fromEntries(Object.entries(more).map(([key, value]) => [key, rounded(value)]));
  const note = peer && theirs === undefined ? { note: "the peer did not run: npm run bench:setup" } : {};
  console.log(JSON.stringify({ ...line, peakMB, theirPeakMB: theirPeakMB ?? null, ...numbers, ...note }));
}
