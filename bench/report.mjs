// Reports results of benchmarks: a line for people, a line of JSON for programs.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FORMER } from "./former.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Python environment of the peers, created by `npm run bench:setup`. */
export const PEERS = join(root, ".cache/peers/bench");

/** Name of the peer in benchmarks of models. */
export const TORCH = "torch 2.13 eager";

/**
 * Returns the Python with the peers; prints a note and returns undefined if it is missing.
 * @param module a module that it must be able to import
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
 * @param peer the peer's name; null if the case has none
 * @param theirs the peer's number, undefined if it did not run; a `ratio` above 1 means that ours is better
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
