// Searches over settings with several seeds: plans the runs, and summarises each combination.
import { join } from "node:path";
import { writeCsv } from "../common/csv/csv";
import { UserError } from "../common/errors";
import { type ConfigOverrides, SETTING_NAMES, type SettingName, type TrainConfig } from "../config/config";
import { runFolder } from "../runs/run_folder";
import { planSweep, type SweepGrid, type SweepRun } from "./sweep";

/** A combination of settings over all its seeds. */
export interface SearchRow {
  settings: ConfigOverrides;
  /** Number of finished runs, one per seed. */
  runs: number;
  /** Means over the seeds. */
  mp5?: number;
  r1?: number;
  top1?: number;
  /** Largest minus smallest mP@5 over the seeds. */
  spread?: number;
  seconds?: number;
}

/**
 * Parses "initLr=0.005,0.01" into the values to try for a setting: numbers, true and false, or text.
 * @throws UserError for text of another form
 */
export function parseVariation(text: string): SweepGrid {
  const [, setting, values] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
  if (!setting || !values)
    throw new UserError(`Expected SETTING=VALUE,VALUE, got "${text}".`, "For example --vary margin=0.2,0.3");
  return { [setting]: values.split(",").map(typedValue) } as SweepGrid;
}

function typedValue(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Default share of training classes that a search holds out to choose by; the config's `holdOutShare` overrides it. */
export const CHOICE_SHARE = 0.2;

/** The plan of a search, in addition to a config and its variations. */
export interface SearchPlan {
  /** The search's folder below checkpoints/. */
  name: string;
  seeds: readonly number[];
  /** Try every combination of all variations; otherwise each variation alone, and the config as it is. */
  together: boolean;
  /** Returns the run to start from, by seed; default: the config's `initFrom`. */
  startOf?: (seed: number) => string;
}

/**
 * Plans the runs of a search, seed by seed: each combination with every seed.
 * @param variations the values to try
 */
export function planSearch(
  config: Readonly<TrainConfig>,
  variations: readonly SweepGrid[],
  { name, seeds, together, startOf = () => config.initFrom }: SearchPlan,
): SweepRun[] {
  const grids = together ? [Object.assign({}, ...variations) as SweepGrid] : [{}, ...variations];
  const runs = seeds.flatMap((seed) => {
    const start = { ...config, initFrom: startOf(seed) };
    return grids.flatMap((grid) => planSweep(start, { ...grid, seed: [seed] }, name));
  });
  const isBase = ({ settings }: SweepRun) =>
    Object.entries(settings).every(
      ([name, value]) => name === "seed" || config[name as SettingName] === value,
    );
  // without `together`, a variation that repeats the config's value is the config as it is
  return runs.filter((run) => together || Object.keys(run.settings).length === 1 || !isBase(run));
}

/** Returns one row per combination, the best first; combinations without a finished run last. */
export function searchRows(runs: readonly SweepRun[]): SearchRow[] {
  const groups = new Map<string, SweepRun[]>();
  for (const run of runs) {
    const { seed, ...settings } = run.settings;
    const key = JSON.stringify(settings);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const rows = [...groups].map(([key, group]) => rowOf(JSON.parse(key) as ConfigOverrides, group));
  const score = ({ mp5, top1 }: SearchRow) => mp5 ?? top1 ?? Number.NEGATIVE_INFINITY;
  return rows.sort((a, b) => score(b) - score(a));
}

function rowOf(settings: ConfigOverrides, group: readonly SweepRun[]): SearchRow {
  const finished = group.filter(({ state }) => state === "finished");
  const valuesOf = (name: "mp5" | "r1" | "top1" | "seconds") =>
    finished.map((run) => run[name]).filter((value) => value !== undefined);
  const mean = (values: readonly number[]) =>
    values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
  const scores = valuesOf("mp5");
  return {
    settings,
    runs: finished.length,
    mp5: mean(scores),
    r1: mean(valuesOf("r1")),
    top1: mean(valuesOf("top1")),
    spread: scores.length > 1 ? Math.max(...scores) - Math.min(...scores) : undefined,
    seconds: mean(valuesOf("seconds")),
  };
}

/** Formats settings, "margin 0.3, s 20", or "as it is" if there are none. */
export function settingsText(settings: ConfigOverrides): string {
  const words = SETTING_NAMES.filter((name) => name in settings).map((name) => `${name} ${settings[name]}`);
  return words.join(", ") || "as it is";
}

/** Writes `checkpoints/<name>/search.csv`. @returns its path */
export async function writeSearch(name: string, rows: readonly SearchRow[]): Promise<string> {
  const path = join(runFolder(name), "search.csv");
  const columns = ["settings", "runs", "mp5", "spread", "r1", "top1", "seconds"] as const;
  const cells = rows.map((row) => [
    settingsText(row.settings),
    ...columns.slice(1).map((column) => (row as unknown as Record<string, number | undefined>)[column] ?? ""),
  ]);
  await writeCsv(path, columns, cells);
  return path;
}
