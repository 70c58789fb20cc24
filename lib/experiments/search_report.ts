// The files of a search: search.csv for programs, search.md for LOG.md and docs/reference/results.md.

import { join } from "node:path";
import { writeCsv } from "../common/csv/csv";
import { writeFileAtomically } from "../common/files/files";
import { scoreText, signed } from "../common/words";
import { valueText } from "../config/value_text";
import type { Environment } from "../runs/environment";
import { runFolder } from "../runs/run_folder";
import { FEW_CLASSES } from "../runs/scored_on";
import type { SearchPlan } from "./search_plan";
import type { SearchRow } from "./search_rows";
import { type SweepRun, sweepNotes } from "./sweep";

/** What the heading of search.md says. */
export interface ReportHeading {
  /** The command line that makes the search. */
  command: string;
  environment: Pick<Environment, "commit" | "dirty" | "cpu" | "device">;
}

/** Writes `checkpoints/<name>/search.csv` and `search.md`. @returns their paths */
export async function writeSearch(
  plan: SearchPlan,
  rows: readonly SearchRow[],
  heading: ReportHeading,
): Promise<{ csv: string; markdown: string }> {
  const folder = runFolder(plan.request.name);
  const paths = { csv: join(folder, "search.csv"), markdown: join(folder, "search.md") };
  await writeCsv(
    paths.csv,
    Object.keys(CELLS),
    rows.map((row) => Object.values(CELLS).map((cell) => cell(row) ?? "")),
  );
  writeFileAtomically(paths.markdown, markdownOf(plan, rows, heading));
  return paths;
}

/** The columns of search.csv. */
const CELLS: Record<string, (row: SearchRow) => string | number | undefined> = {
  setting: ({ setting }) => setting,
  data: ({ data }) => data,
  stage: ({ stage }) => stage,
  seeds: ({ seeds }) => seeds.join(" "),
  mp5_base: ({ mp5Base }) => mp5Base,
  mp5: ({ mp5 }) => mp5,
  difference: ({ difference }) => difference?.mean,
  low: ({ difference }) => difference?.low,
  high: ({ difference }) => difference?.high,
  difference_spread: ({ difference }) => difference?.spread,
  spread: ({ spread }) => spread,
  r1: ({ r1 }) => r1,
  top1: ({ top1 }) => top1,
  seconds: ({ seconds }) => seconds,
  verdict: ({ verdict }) => verdict,
};

const TITLES = [
  "setting",
  "data",
  "stage",
  "seeds",
  "mP@5 base",
  "mP@5",
  "difference [95 % interval]",
  "spread",
  "seconds",
  "verdict",
];

/** Returns the cells of a row for people, in the order of `TITLES`. */
function cellsOf(row: SearchRow): string[] {
  const { setting, data, stage, seeds, mp5Base, mp5, difference, spread, seconds, verdict, notCompared } =
    row;
  return [
    setting,
    data,
    stage,
    seeds.join(", ") || "-",
    mp5Base === undefined ? "" : scoreText(mp5Base),
    mp5 === undefined ? "" : scoreText(mp5),
    difference ? `${signed(difference.mean)} ${signedInterval(difference)}` : (notCompared ?? ""),
    shareOf(difference ? difference.spread : spread),
    seconds === undefined ? "" : seconds.toFixed(0),
    verdict ?? "",
  ];
}

/** Returns the table for a terminal: the titles, and the cells of each row. */
export function searchTable(rows: readonly SearchRow[]): { titles: string[]; cells: string[][] } {
  return { titles: TITLES, cells: rows.map(cellsOf) };
}

function signedInterval({ low, high }: { low: number; high: number }): string {
  return `[${signed(low)}, ${signed(high)}]`;
}

const shareOf = (value: number | undefined) => (value === undefined ? "" : scoreText(value));

/** What the columns mean. */
export const TABLE_NOTE =
  "difference: mean over the seeds of mP@5 minus that of the config as it is, seed by seed on the same queries; " +
  "95 % interval by a paired bootstrap over seeds and, in each, classes. spread: largest minus smallest difference of a " +
  "seed (as it is: of mP@5). better or worse: the interval excludes 0, and the difference is at least the spread; with " +
  "one seed the spread is not known.";

function markdownOf(plan: SearchPlan, rows: readonly SearchRow[], heading: ReportHeading): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(" | ")} |`;
  const { commit, dirty, cpu, device } = heading.environment;
  const state = commit
    ? `commit ${commit.slice(0, 7)}${dirty ? " with changed files" : ""}`
    : "no git checkout";
  const gpu = device.kind === "gpu" ? `, ${device.name}` : "";
  return [
    `## ${escaped(plan.request.name)}`,
    "",
    `\`${heading.command.replaceAll("`", "'")}\``,
    "",
    `${state}; ${escaped(cpu.model)}, ${cpu.threads} cores${gpu}`,
    "",
    line(TITLES),
    `|${TITLES.map(() => "---|").join("")}`,
    ...rows.map((row) => line(cellsOf(row))),
    "",
    [TABLE_NOTE, ...searchNotes(plan)].map(escaped).join("  \n"),
    "",
  ].join("\n");
}

/** Returns text that Markdown shows as it is, in one line. */
function escaped(text: string): string {
  return text
    .replaceAll(/[\\`*<>|]/g, "\\$&")
    .replaceAll("](", "]\\(")
    .replaceAll(/\s*\n\s*/g, "; ");
}

/** Fewer held-out classes than this make a difference's interval rough. */
const SOME_CLASSES = 20;

/** Returns lines about a search: its queries, too few classes, runs that are left, and runs that failed. */
export function searchNotes({ runs }: SearchPlan): string[] {
  const left = runs.filter(({ state, leftOut }) => state === "waiting" && leftOut !== undefined);
  const failed = runs.filter(({ state }) => state === "failed");
  const classes = Math.min(...runs.flatMap(({ on }) => (on ? [on.classes] : [])));
  const isFew = classes >= FEW_CLASSES && classes < SOME_CLASSES;
  return [
    ...sweepNotes(runs),
    ...(isFew
      ? [`${classes} classes are few to choose by: intervals are rough. More --seeds draw other classes.`]
      : []),
    ...(left.length > 0 ? [`left for a later call: ${left.map(nameOf).join("; ")}`] : []),
    ...(failed.length > 0
      ? [`${failed.length} failed: the first, ${nameOf(failed[0]!)}: ${failed[0]!.message}`]
      : []),
  ];
}

/** Returns a run's stage, seed and settings: "frozen seed 1, margin 0.3". */
export function nameOf(run: SweepRun): string {
  const from = run.start ? wordsOf(run.start) : [];
  return [
    `${run.config.stage} seed ${run.config.seed}`,
    ...wordsOf(run),
    ...(from.length > 0 ? [`from frozen ${from.join(", ")}`] : []),
  ].join(", ");
}

function wordsOf({ settings: { seed, ...settings } }: SweepRun): string[] {
  return Object.entries(settings).map(([name, value]) => `${name} ${valueText(value)}`);
}
