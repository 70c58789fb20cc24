// Sweeps: many short runs, usually over cached features, one for each combination of settings.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf, UserError } from "../common/errors";
import { asOwner } from "../common/files/claim";
import { Interrupted, withSignal } from "../common/interrupt";
import type { ProgressOptions, TaskOptions } from "../common/progress";
import { type ConfigOverrides, overrideConfig, type SettingName, type TrainConfig } from "../config/config";
import { presentNamesWithNotice } from "../config/old_names";
import { tablePath } from "../config/paths";
import { viewRun } from "../runs/follow";
import type { ScoredOn, Untrained } from "../runs/metrics";
import { isFinished, runFile, runFolder } from "../runs/run_folder";
import { scoredOnText } from "../runs/scored_on";
import { refuseOtherStart } from "../runs/start_check";
import { prepareRunFolder } from "../runs/start_folder";
import { gainOf, quotedText, WORSE } from "../runs/untrained";
import { readRunData } from "../training/data/read_run_data";
import { runTraining } from "../training/run";

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
  /** Scores after its last epoch: mp5 and r1 on held-out classes, top1 on the validation fold. */
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
    const runName = runNameOf(overrides);
    const complete = overrideConfig(config, { ...overrides, runName });
    return {
      settings: overrides,
      config: complete,
      folder: join(runFolder(name), runName),
      state: "waiting",
    };
  });
}

function refuseWrongValues(setting: string, values: readonly unknown[]): void {
  if (SET_BY_SWEEP.has(setting)) {
    throw new UserError(
      `A sweep cannot vary "${setting}".`,
      "Set it in the config that the sweep starts from.",
    );
  }
  if (!Array.isArray(values) || values.length === 0 || new Set(values).size < values.length) {
    throw new UserError(
      `A sweep takes a list of different values for "${setting}", not ${JSON.stringify(values)}.`,
      "For example { initLr: [0.002, 0.01] }.",
    );
  }
}

/** Returns a run's name from its settings: "initLr_0.01-margin_0.3". */
function runNameOf(settings: ConfigOverrides): string {
  const parts = Object.entries(settings).map(([setting, value]) => `${setting}_${value}`);
  return parts.join("-").replaceAll(/[^A-Za-z0-9._-]/g, "_") || "as_it_is";
}

/** Options of running a sweep. */
export interface SweepOptions extends ProgressOptions {
  /** Called when a run changes its state. */
  onRun?: (run: SweepRun) => void;
  /** Advice about runs of other settings or data, in the caller's words. */
  advice?: string | undefined;
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
  const [first] = runs;
  if (!first) return;
  const folder = dirname(first.folder);
  await asOwner(folder, "The sweep", async () => {
    if (!existsSync(runFile(folder, "config"))) return withSignal(signal, () => trainAll(runs, options));
    throw new UserError(`${folder} is a run: a sweep cannot use its folder.`, "Give the sweep another name.");
  });
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

async function trainAll(runs: SweepRun[], { onRun, onProgress, advice }: SweepOptions): Promise<void> {
  await requireChoice(runs);
  for (const run of runs) {
    prepareRunFolder(run.config, { folder: run.folder, advice });
    if (!isFinished(run.folder)) continue;
    refuseOtherStart(run.folder, run.config, advice ?? "Delete the sweep's folder.");
    Object.assign(run, measured(run), { finishedBefore: true });
  }
  for (const run of runs.filter(({ state }) => state !== "finished")) {
    run.state = "running";
    onRun?.(run);
    Object.assign(run, await train(run, { onProgress }));
    onRun?.(run);
  }
}

async function train(run: SweepRun, options: ProgressOptions): Promise<Partial<SweepRun>> {
  try {
    const { reason } = await runTraining(run.folder, options);
    if (reason === "stopped") throw new Interrupted();
    return measured(run);
  } catch (error) {
    if (error instanceof Interrupted) run.state = "waiting";
    if (!(error instanceof UserError)) throw error;
    return { state: "failed", message: messageOf(error) };
  }
}

/** Reads the results of a finished run from its files. */
function measured({ folder }: SweepRun): Partial<SweepRun> {
  const { steps, validations, retrievals, end } = viewRun(folder);
  const [step, validation, retrieval] = [steps.at(-1), validations.at(-1), retrievals.at(-1)];
  return {
    state: "finished",
    message: undefined,
    mp5: retrieval?.mp5,
    r1: retrieval?.r1,
    top1: validation?.top1,
    loss: step?.loss,
    on: retrieval?.on,
    untrained: retrieval?.untrained,
    seconds: end?.elapsedSeconds,
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
