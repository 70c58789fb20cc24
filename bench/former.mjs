// Compares with another commit: `npm run bench NAME -- --against FOLDER` runs the contestants of another checkout (set
// up, at any commit) alternately with ours, in place of other tools.
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Folder of the other checkout, or undefined. */
export const FORMER = process.env.BENCH_AGAINST && resolve(process.env.BENCH_AGAINST);

/** Returns the arguments that start the former commit's side of a contestant; undefined if it has none. */
export function formerArguments(command, args) {
  if (!FORMER || command !== process.execPath) return undefined;
  const script = join(FORMER, relative(root, args[0]));
  return existsSync(script) ? [script, ...args.slice(1)] : undefined;
}

/** Returns the median of sorted numbers. */
const median = (sorted) => sorted[sorted.length >> 1];

/**
 * Prints the speed relative to the former commit: the median of the ratios of neighbouring runs, and their range.
 * @param ours milliseconds of each round
 * @param former milliseconds of each round of the former commit
 */
export function reportFormer(script, ours, former) {
  const ratios = ours.map((ms, i) => former[i] / ms).sort((a, b) => a - b);
  const sorted = (times) => [...times].sort((a, b) => a - b);
  const numbers = {
    ours: median(sorted(ours)),
    former: median(sorted(former)),
    ratio: median(ratios),
    least: ratios[0],
    most: ratios.at(-1),
  };
  const shown = Object.entries(numbers).map(([name, value]) => [name, Number(value.toPrecision(4))]);
  console.error(`${script} against the former commit: ${shown.map((pair) => pair.join(" ")).join(", ")}`);
  console.log(
    JSON.stringify({ against: "former", script, rounds: ours.length, ...Object.fromEntries(shown) }),
  );
}
