// The history of `npm run bench all`: a JSON line per row and run, in one file per kind of machine, and the comparison
// of a row with the one before.
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../shared/paths.mjs";

/** A smaller change than this share is not named. */
const LEAST_CHANGE = 0.05;

/**
 * @typedef {object} Result a line of the history
 * @property {string} title
 * @property {number | null} ours median of the rounds: a rate, or MB if `measure` is "memory"
 * @property {number | null} theirs
 * @property {number | null} ratio above 1, ours is better
 * @property {[number, number]} [oursQuartiles]
 * @property {[number, number]} [ratioQuartiles]
 * @property {"memory"} [measure]
 */

/** Returns the file of a kind of machine. */
export function historyFile(kind, folder = join(ROOT, "bench/history")) {
  return join(folder, `${kind}.jsonl`);
}

/**
 * Reads lines of results.
 * @returns {{ results: Result[], broken: { line: number, text: string }[] }} `broken`: lines that are no whole results
 */
export function parseHistory(text) {
  const results = [];
  const broken = [];
  for (const [i, one] of text.split("\n").entries()) {
    if (one.trim() === "") continue;
    const result = parseLine(one);
    if (result) results.push(result);
    else broken.push({ line: i + 1, text: one });
  }
  return { results, broken };
}

function parseLine(text) {
  try {
    const result = JSON.parse(text);
    return typeof result?.title === "string" ? result : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a history file; an absent one is empty. */
export function readHistory(file) {
  return parseHistory(existsSync(file) ? readFileSync(file, "utf8") : "");
}

/** Appends a result on a line of its own, also behind a line that was cut off. */
export function appendResult(file, result) {
  mkdirSync(dirname(file), { recursive: true });
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  const end = before === "" || before.endsWith("\n") ? "" : "\n";
  appendFileSync(file, `${end}${JSON.stringify(result)}\n`);
}

/** Returns the last result of a row: if one had its peer, the last of these. @param {Result[]} results */
export function lastOf(results, title) {
  const ofRow = results.filter((result) => result.title === title);
  return ofRow.findLast(({ ratio }) => ratio !== null) ?? ofRow.at(-1);
}

/**
 * Compares a result with the one before: our own number, and the ratio to the peer. A change is named if it is larger
 * than 5 % and outside of the noise: the ranges between the quartiles of the rounds do not overlap.
 * @param {Result | undefined} before
 * @param {Result} now
 * @returns {{ name: "ours" | "ratio", change: number, isBetter: boolean }[]} `change`: now / before - 1
 */
export function changes(before, now) {
  if (!before) return [];
  const names = /** @type {const} */ (["ours", "ratio"]);
  return names.flatMap((name) => {
    const [was, is] = [before[name], now[name]];
    if (!was || !is) return [];
    const change = is / was - 1;
    if (Math.abs(change) <= LEAST_CHANGE || overlap(rangeOf(before, name), rangeOf(now, name))) return [];
    const isLessBetter = name === "ours" && now.measure === "memory";
    return [{ name, change, isBetter: change > 0 !== isLessBetter }];
  });
}

/** Returns the quartiles of a number's rounds; of one without rounds the number twice. */
function rangeOf(result, name) {
  return result[`${name}Quartiles`] ?? [result[name], result[name]];
}

function overlap([low, high], [otherLow, otherHigh]) {
  return low <= otherHigh && otherLow <= high;
}
