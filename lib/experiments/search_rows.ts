// The result of each experiment of a search: means over its seeds, and the difference from the config as it is.
import { isDeepStrictEqual } from "node:util";
import { type PooledDifference, pooledDifference, type SeedScores } from "../retrieval/pooled_difference";
import type { ScoredOn } from "../runs/metrics";
import { readQueryScores } from "../runs/query_scores";
import type { Experiment, SearchPlan, SearchStage } from "./search_plan";
import type { SweepRun } from "./sweep";
import { type Choice, choicesOf, choicesText } from "./variations";

/** What a difference says. */
export type Verdict = "better" | "worse" | "undecided";

/** An experiment over its seeds. */
export interface SearchRow {
  /** "margin 0.3", or "as it is". */
  setting: string;
  isBase: boolean;
  /** Data directory. */
  data: string;
  stage: SearchStage;
  /** The seeds that the means are of: the finished ones; for a variation those that the config as it is has finished, too. */
  seeds: number[];
  /** Means over these seeds. */
  mp5?: number | undefined;
  r1?: number | undefined;
  top1?: number | undefined;
  /** Seconds of a seed's runs. */
  seconds?: number | undefined;
  /** Largest minus smallest mP@5 over the seeds. */
  spread?: number | undefined;
  /** mP@5 of the config as it is, of the same seeds. */
  mp5Base?: number | undefined;
  /** mP@5 minus that of the config as it is. */
  difference?: SeedsDifference | undefined;
  verdict?: Verdict | undefined;
  /** Why there is no difference, although both have finished. */
  notCompared?: string | undefined;
}

/** A difference over seeds, with its interval (`pooledDifference`). */
export interface SeedsDifference extends PooledDifference {
  /** Largest minus smallest difference of a seed; undefined for one seed. */
  spread: number | undefined;
}

/**
 * Returns a row per experiment: the config as it is first, then variations by their difference, the best first, then
 * those without one. A search of both stages has the rows of its frozen runs behind them.
 */
export async function searchRows({ request, experiments }: SearchPlan): Promise<SearchRow[]> {
  const { stage } = request;
  const rows = await rowsOf(experiments, stage);
  if (stage === "frozen" || !request.configs.frozen) return rows;
  return [...rows, ...(await rowsOf(startsOf(experiments), "frozen"))];
}

/** Returns the frozen runs of experiments as experiments of their own. */
function startsOf(experiments: readonly Experiment[]): Experiment[] {
  const starts = new Map<SweepRun, Experiment>();
  for (const { choices, runs } of experiments) {
    const frozen = new Map([...runs].map(([seed, run]) => [seed, run.start!]));
    const [first] = frozen.values();
    if (first && !starts.has(first))
      starts.set(first, { choices: starts.size === 0 ? [] : choicesOf(choices, "frozen"), runs: frozen });
  }
  return [...starts.values()];
}

async function rowsOf(experiments: readonly Experiment[], stage: SearchStage): Promise<SearchRow[]> {
  const [base, ...others] = experiments;
  const rows: SearchRow[] = [];
  for (const experiment of others) rows.push(await comparedRow(experiment, base!, stage));
  const gain = ({ difference, mp5, top1 }: SearchRow) => difference?.mean ?? (mp5 ?? top1 ?? 0) - 2;
  return [rowOf(base!.choices, [...base!.runs], stage), ...rows.sort((a, b) => gain(b) - gain(a))];
}

type SeedRun = readonly [seed: number, run: SweepRun];

function rowOf(choices: readonly Choice[], runs: readonly SeedRun[], stage: SearchStage): SearchRow {
  const finished = runs.filter(([, { state }]) => state === "finished");
  const meanOf = (read: (run: SweepRun) => number | undefined) =>
    mean(finished.map(([, run]) => read(run)).filter((value) => value !== undefined));
  const whole = stage === "both";
  return {
    setting: choicesText(choices),
    isBase: choices.length === 0,
    data: runs[0]![1].config.dataDir,
    stage,
    seeds: finished.map(([seed]) => seed),
    mp5: meanOf(({ mp5 }) => mp5),
    r1: meanOf(({ r1 }) => r1),
    top1: meanOf(({ top1 }) => top1),
    seconds: meanOf(({ seconds, start }) => (seconds ?? 0) + (whole ? (start?.seconds ?? 0) : 0)),
    spread: spreadOf(finished.map(([, { mp5 }]) => mp5).filter((value) => value !== undefined)),
  };
}

async function comparedRow(experiment: Experiment, base: Experiment, stage: SearchStage): Promise<SearchRow> {
  const isPaired = ([seed, run]: SeedRun) =>
    run.state === "finished" && base.runs.get(seed)?.state === "finished";
  const paired = [...experiment.runs].filter(isPaired);
  if (paired.length === 0) return rowOf(experiment.choices, [...experiment.runs], stage);
  const row = rowOf(experiment.choices, paired, stage);
  const seeds: SeedScores[] = [];
  for (const [seed, run] of paired) {
    const scores = await pairedScores(base.runs.get(seed)!, run);
    if (typeof scores === "string") return { ...row, notCompared: scores };
    seeds.push(scores);
  }
  const pooled = pooledDifference(seeds);
  const difference = { ...pooled, spread: spreadOf(pooled.bySeed) };
  const mp5Base = mean(paired.map(([seed]) => base.runs.get(seed)!.mp5!));
  return { ...row, mp5Base, difference, verdict: verdictOf(difference) };
}

/** Returns the scores of two runs by query, or the reason why they cannot be paired. */
async function pairedScores(base: SweepRun, other: SweepRun): Promise<SeedScores | string> {
  if (base.mp5 === undefined || other.mp5 === undefined) return "no classes are held out";
  const [before, after] = [await readQueryScores(base.folder), await readQueryScores(other.folder)];
  if (!before || !after) return "trained before runs kept the scores of their queries";
  const isSame = isDeepStrictEqual([before.files, before.labels], [after.files, after.labels]);
  if (!isSame || setOf(base.on) !== setOf(other.on)) return "scored on other queries";
  const [theirs, ours] = [before.byKind.get(base.config.bestOf), after.byKind.get(other.config.bestOf)];
  if (!theirs || !ours) return "there is no average of its weights";
  return { set: setOf(base.on), labels: before.labels, base: theirs.mp5, other: ours.mp5 };
}

function setOf(on: ScoredOn | undefined): string {
  return on ? `${on.dataDir} ${on.fingerprint}` : "";
}

/**
 * Returns the verdict: undecided if the interval holds 0, or if the difference is smaller than its spread over the
 * seeds.
 */
export function verdictOf({
  mean,
  low,
  high,
  spread = 0,
}: Pick<SeedsDifference, "mean" | "low" | "high"> & { spread?: number | undefined }): Verdict {
  if ((low <= 0 && high >= 0) || Math.abs(mean) < spread) return "undecided";
  return mean > 0 ? "better" : "worse";
}

function mean(values: readonly number[]): number | undefined {
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}

function spreadOf(values: readonly number[]): number | undefined {
  return values.length > 1 ? Math.max(...values) - Math.min(...values) : undefined;
}
