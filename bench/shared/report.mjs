// Reports results of benchmarks: a line for people, a line of JSON for programs.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FORMER } from "./former.mjs";
import { median, quartiles, rounded } from "./numbers.mjs";
import { ROOT } from "./paths.mjs";

/** Python environment of the peers, created by `npm run bench:setup`. */
export const PEERS = join(ROOT, ".cache/peers/bench");

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
 * Prints a case's result. Of several rounds it prints the medians of both sides and of the rounds' ratios, and their
 * quartiles as `oursQuartiles`, `theirsQuartiles`, `ratioQuartiles`.
 * @param {object} result
 * @param {string} result.bench
 * @param {string} result.case
 * @param {string} result.unit
 * @param {string | null} result.peer the peer's name; null if the case has none
 * @param {boolean} [result.isMissing] whether the peer is not installed
 * @param {number | number[]} result.ours our number, or that of each round
 * @param {number | number[]} [result.theirs] the peer's, missing if it did not run; a `ratio` above 1 means that ours is
 * better
 * @param {number} [result.peakMB]
 * @param {number} [result.theirPeakMB]
 * @param {Record<string, number>} [result.more] further numbers of the case
 */
export function row({
  bench,
  case: name,
  unit,
  peer,
  isMissing,
  ours,
  theirs,
  peakMB,
  theirPeakMB,
  more = {},
}) {
  const [oursAll, theirsAll] = [ours, theirs].map((side) => (typeof side === "number" ? [side] : side));
  const [oursMedian, theirsMedian] = [median(oursAll), theirsAll && median(theirsAll)];
  const ratios = theirsAll && oursAll.map((value, i) => value / theirsAll[i]);
  const ratio = ratios ? rounded(median(ratios)) : null;
  const versus =
    theirsMedian === undefined
      ? ""
      : `; ${peer} ${rounded(theirsMedian)}, ${theirPeakMB ?? "?"} MB: ratio ${ratio}`;
  console.error(`${name}: ${rounded(oursMedian)} ${unit}, ${peakMB ?? "?"} MB${versus}`);
  const spread = (numbers) => quartiles(numbers).map(rounded);
  const rounds = oursAll.length > 1 && {
    rounds: oursAll.length,
    oursQuartiles: spread(oursAll),
    ...(theirsAll && {
      theirsQuartiles: spread(theirsAll),
      ratioQuartiles: spread(ratios),
    }),
  };
  const why = isMissing ? "the peer did not run: npm run bench:setup" : "the peer ended before it answered";
  console.log(
    JSON.stringify({
      bench,
      case: name,
      ours: rounded(oursMedian),
      unit,
      peer,
      theirs: rounded(theirsMedian),
      ratio,
      peakMB: peakMB ?? null,
      theirPeakMB: theirPeakMB ?? null,
      ...rounds,
      ...Object.fromEntries(Object.entries(more).map(([key, value]) => [key, rounded(value)])),
      ...(peer && theirsMedian === undefined && !FORMER ? { note: why } : {}),
    }),
  );
}
