// Sweeps: many short runs, usually over cached features, one for each combination of settings.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf, UserError } from "../common/errors";
import { type Claim, claim } from "../common/files/claim";
import { Interrupted, withSignal } from "../common/interrupt";
import type { ProgressOptions, TaskOptions } from "../common/progress";
import type { TimeLimit } from "../common/time_limit";
import { type ConfigOverrides, overrideConfig, type SettingName, type TrainConfig } from "../config/config";
import { presentNamesWithNotice } from "../config/old_names";
import { tablePath } from "../config/paths";
import { valueText } from "../config/value_text";
import { latestMetrics, type ScoredOn, scoresOf, type Untrained } from "../runs/metrics";
import { isFinished, readMetrics, runFile, runFolder } from "../runs/run_folder";
import { secondsOf } from "../runs/run_seconds";
import { scoredOnText } from "../runs/scored_on";
import { refuseOtherStart } from "../runs/start_check";
import { prepareRunFolder } from "../runs/start_folder";
import { gainOf, quotedText, WORSE } from "../runs/untrained";
import { readRunData } from "../training/data/read_run_data";
import { runTraining } from "../training/run";
import { whyLater } from "./expected_time";

/** The values to try, by setting: `{ initLr: [0.002, 0.01], margin: [0.3, 0.5] }`. */
export type SweepGrid = { readonly [K in keyof TrainConfig]?: readonly TrainConfig[K][] };

/** The run of one combination. */
export interface SweepRun {
  settings: ConfigOverrides;
  config: Readonly<TrainConfig>;
  /** The run's folder, `checkpoints/<sweep>/<settings>/`. */
  folder: string;
  /** `waiting` until its turn comes; a failed run (for example with a NaN loss) does not end the sweep. */
  state: "waiting" | "running" | "finished" | "failed";
  /** The cause of its failure. */
  message?: string;
  /** The run of the same sweep that it starts from, which comes before it. */
  start?: SweepRun;
  /** The reason for leaving it for a later call: the time that is left is too short. */
  leftOut?: string;
  /** Scores after its last epoch of the weights that `bestOf` names: mp5 and r1 on held-out classes, top1 on validation. */
  mp5?: number;
  r1?: number;
  top1?: number;
  /** The data of mp5 and r1. */
  on?: ScoredOn | undefined;
  /** The untrained backbone on these data. */
  untrained?: Untrained | undefined;
  /** Set if it was not trained now, because it had finished before with the same settings and data. */
  finishedBefore?: true;
  /** Loss of its last step. */
  loss?: number;
  /** Over all its starts. */
  seconds?: number;
}

/** Settings that a sweep sets itself. */
const SET_BY_SWEEP = new Set(["runName", "stage", "configName"]);

/**
 * Plans the runs of a sweep: every combination of the grid's values; the last setting varies fastest.
 * @param name the folder of the sweep below checkpoints/
 * @throws UserError for an unknown setting (with the nearest name) or a value that does not fit
 */
export function planSweep(config: Readonly<TrainConfig>, grid: SweepGrid, name: string): SweepRun[] {
  const settings = Object.entries(grid) as [SettingName, readonly unknown[]][];
  for (const [setting, values] of settings) refuseWrongValues(setting, values);
  let combinations: ConfigOverrides[] = [{}];
  for (const [setting, values] of settings) {
    combinations = combinations.flatMap((some) => values.map((value) => ({ ...some, [setting]: value })));
  }
  return combinations.map((given) => {
    const overrides = presentNamesWithNotice(given) as ConfigOverrides;
    return plannedRun(config, overrides, { sweep: name, words: Object.entries(overrides) });
  });
}

/**
 * Plans the run of one combination of settings.
 * @param place.words what its folder is called after: names and values, [["margin", 0.3]]
 * @throws UserError for an unknown setting (with the nearest name) or a value that does not fit
 */
export function plannedRun(
  config: Readonly<TrainConfig>,
  settings: ConfigOverrides,
  { sweep, words }: { sweep: string; words: readonly (readonly [string, unknown])[] },
): SweepRun {
  const runName = runNameOf(words);
  return {
    settings,
    config: overrideConfig(config, { ...settings, runName }),
    folder: join(runFolder(sweep), runName),
    state: "waiting",
  };
}

function refuseWrongValues(setting: string, values: readonly unknown[]): void {
  if (SET_BY_SWEEP.has(setting)) {
    throw new UserError(
      `A sweep cannot vary "${setting}".`,
      "Set it in the config that the sweep starts from.",
    );
  }
  if (
    !Array.isArray(values) ||
    values.length === 0 ||
    new Set(values.map((value) => JSON.stringify(value))).size < values.length
  ) {
    throw new UserError(
      `A sweep takes a list of different values for "${setting}", not ${JSON.stringify(values)}.`,
      "For example { initLr: [0.002, 0.01] }.",
    );
  }
}

/** Longest name of a run from its settings alone: file systems take 255 bytes. */
const LONGEST_NAME = 120;

/** Returns a run's name from its settings: "initLr_0.01-margin_0.3"; with a hash if that says not all of them. */
function runNameOf(words: readonly (readonly [string, unknown])[]): string {
  const whole = words.map(([setting, value]) => `${setting}_${valueText(value)}`).join("-") || "as_it_is";
  const name = whole.replaceAll(/[^A-Za-z0-9._-]/g, "_");
  if (name === whole && name.length <= LONGEST_NAME) return name;
  const hash = createHash("sha256").update(whole).digest("hex").slice(0, 8);
  return `${name.slice(0, LONGEST_NAME)}-${hash}`;
}

/** Options of running a sweep. */
export interface SweepOptions extends ProgressOptions {
  /** Called when a run changes its state, or is left for a later call. */
  onRun?: (run: SweepRun) => void;
  /** Advice about runs of other settings or data, in the caller's words. */
  advice?: string | undefined;
  /** Runs that would not end in time are left for a later call; one that takes longer than expected is saved in time. */
  limit?: TimeLimit | undefined;
}

/**
 * Trains the runs of a sweep one after another in this process. Finished runs stay. An interrupt finishes the step and
 * saves; the same call goes on from there.
 * @throws Interrupted; UserError if a folder holds a run with other settings, the sweep's folder is a run, or another
 *   process runs the same sweep
 */
export async function runSweep(
  runs: SweepRun[],
  { signal, ...options }: SweepOptions & TaskOptions = {},
): Promise<void> {
  const folders = [...new Set(runs.map(({ folder }) => dirname(folder)))];
  const claims: Claim[] = [];
  try {
    for (const folder of folders) claims.push(claim(folder, "The sweep"));
    const run = folders.find((folder) => existsSync(runFile(folder, "config")));
    if (run)
      throw new UserError(`${run} is a run: a sweep cannot use its folder.`, "Give the sweep another name.");
    await withSignal(signal, () => trainAll(runs, options));
  } finally {
    for (const { release } of claims) release();
  }
}

/** Reads the tables of the runs that hold out training classes. @throws UserError if these are too few to choose by */
async function requireChoice(runs: readonly SweepRun[]): Promise<void> {
  const tables = new Map<string, SweepRun["config"]>();
  for (const { config } of runs) {
    const { dataDir, csv, holdOutShare, features, fold } = config;
    const isTable = features === "" && existsSync(tablePath(config));
    if (holdOutShare > 0 && isTable) tables.set(JSON.stringify([dataDir, csv, holdOutShare, fold]), config);
  }
  for (const config of tables.values()) await readRunData(config);
}

async function trainAll(runs: SweepRun[], options: SweepOptions): Promise<void> {
  const { onRun, advice, limit } = options;
  await requireChoice(runs);
  for (const run of runs) {
    prepareRunFolder(run.config, { folder: run.folder, advice });
    if (!isFinished(run.folder)) continue;
    refuseOtherStart(run.folder, run.config, advice ?? "Delete the sweep's folder.");
    Object.assign(run, measured(run), { finishedBefore: true });
  }
  for (const run of runs.filter(({ state }) => state !== "finished")) {
    Object.assign(run, startProblem(run) ?? { leftOut: limit && (await whyLater(run, runs, limit)) });
    if (run.state === "waiting" && !run.leftOut) {
      run.state = "running";
      onRun?.(run);
      Object.assign(run, await train(run, options));
    }
    onRun?.(run);
  }
}

/** Returns the reason why a run cannot begin: the run that it starts from has not finished. */
function startProblem({ start }: SweepRun): Partial<SweepRun> | undefined {
  if (!start || start.state === "finished") return undefined;
  const what = `the run that it starts from, ${start.config.runName},`;
  if (start.state === "failed") return { state: "failed", message: `${what} failed: ${start.message}` };
  return { leftOut: `${what} is left: ${start.leftOut}` };
}

async function train(run: SweepRun, { onProgress, limit }: SweepOptions): Promise<Partial<SweepRun>> {
  const timeIsUp = limit?.signalBefore(0);
  try {
    const { reason } = await runTraining(run.folder, { onProgress, signal: timeIsUp });
    if (reason !== "stopped") return measured(run);
    if (timeIsUp?.aborted) return { state: "waiting", leftOut: "its time was up: it is saved, and goes on" };
    throw new Interrupted();
  } catch (error) {
    if (error instanceof Interrupted) run.state = "waiting";
    if (!(error instanceof UserError)) throw error;
    return { state: "failed", message: messageOf(error) };
  }
}

/** Reads the results of a finished run from its files. */
function measured({ folder, config }: SweepRun): Partial<SweepRun> {
  const metrics = readMetrics(folder);
  const { step, validation, retrieval } = latestMetrics(metrics);
  const scores = retrieval && (scoresOf(retrieval, config.bestOf) ?? retrieval);
  return {
    state: "finished",
    message: undefined,
    mp5: scores?.mp5,
    r1: scores?.r1,
    top1: validation && (scoresOf(validation, config.bestOf) ?? validation).top1,
    loss: step?.loss,
    on: retrieval?.on,
    untrained: retrieval?.untrained,
    seconds: secondsOf(metrics),
  };
}

/**
 * Returns lines for people: the data of the scores, the untrained backbone's scores on them, the number of runs below
 * these, and the number of runs that had finished before.
 */
export function sweepNotes(runs: readonly SweepRun[]): string[] {
  const on = runs.flatMap((run) => (run.on ? [scoredOnText(run.on)] : []));
  const before = runs.filter(({ finishedBefore }) => finishedBefore).length;
  return [
    ...[...new Set(on)].map((text) => `scored on ${text}`),
    ...untrainedNotes(runs),
    ...(before > 0 ? [`${before} of ${runs.length} runs had finished before, same settings and data`] : []),
  ];
}

function untrainedNotes(runs: readonly SweepRun[]): string[] {
  const scored = runs.flatMap(({ mp5, r1, untrained }) =>
    mp5 !== undefined && r1 !== undefined && untrained ? [{ mp5, r1, untrained }] : [],
  );
  const quotes = new Set(scored.map(({ untrained }) => quotedText(untrained)));
  const worse = scored.filter((scores) => (gainOf(scores) ?? 0) < 0).length;
  return [...quotes, ...(worse > 0 ? [`${worse} of ${scored.length} runs are ${WORSE}`] : [])];
}

/** Returns the position of the finished run with the highest mP@5 (top-1 if none are held out); -1 without any. */
export function bestRun(runs: readonly Pick<SweepRun, "mp5" | "top1">[]): number {
  const measure = runs.some(({ mp5 }) => mp5 !== undefined) ? "mp5" : "top1";
  const values = runs.map((run) => run[measure] ?? Number.NEGATIVE_INFINITY);
  const most = Math.max(...values);
  return Number.isFinite(most) ? values.indexOf(most) : -1;
}
