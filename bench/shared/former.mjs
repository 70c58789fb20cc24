// Compares with another commit: `npm run bench NAME -- --against FOLDER` runs the contestants of another checkout (set
// up, at any commit) alternately with ours, in place of other tools. Contestants are found by their names, so the other
// checkout may keep them in another folder of its bench.
import { basename, resolve } from "node:path";
import { median } from "./numbers.mjs";
import { benchFiles } from "./paths.mjs";

/** Folder of the other checkout, or undefined. */
export const FORMER = process.env.BENCH_AGAINST && resolve(process.env.BENCH_AGAINST);

/**
 * Returns the arguments that start the former commit's side of a contestant: every script of our bench is replaced by
 * that of the same name in the other checkout; undefined if it has none.
 */
export function formerArguments(command, args) {
  if (!FORMER || command !== process.execPath) return undefined;
  return mapScripts(args, benchFiles(), benchFiles(FORMER));
}

/**
 * Replaces the scripts among some arguments.
 * @param {string[]} args
 * @param {Map<string, string>} ours name -> path
 * @param {Map<string, string>} theirs name -> path
 * @returns {string[] | undefined} undefined if one is missing on the other side
 */
export function mapScripts(args, ours, theirs) {
  const mapped = args.map((arg) => (ours.get(basename(arg)) === arg ? theirs.get(basename(arg)) : arg));
  return mapped.includes(undefined) ? undefined : mapped;
}

/**
 * Prints the speed relative to the former commit: the median of the ratios of neighbouring runs, and their range.
 * @param {string} script
 * @param {number[]} ours milliseconds of each round
 * @param {number[]} former milliseconds of each round of the former commit
 */
export function reportFormer(script, ours, former) {
  const ratios = ours.map((ms, i) => former[i] / ms);
  const numbers = {
    ours: median(ours),
    former: median(former),
    ratio: median(ratios),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
  };
  const shown = Object.entries(numbers).map(([name, value]) => [name, Number(value.toPrecision(4))]);
  console.error(`${script} against the former commit: ${shown.map((pair) => pair.join(" ")).join(", ")}`);
  console.log(
    JSON.stringify({ against: "former", script, rounds: ours.length, ...Object.fromEntries(shown) }),
  );
}
