// A run's folder `checkpoints/<run>/`: its files, its config, its owner.
import { existsSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { nearestName, UserError } from "../common/errors";
import { type Claim, claim, ownedText } from "../common/files/claim";
import { appendToFile, readJson, writeFileAtomically, writeJson } from "../common/files/files";
import { RUN_PARTS } from "../common/files/made_parts";
import { type Owner, ownerOf } from "../common/files/owner";
import {
  type MadeKind,
  putBack,
  requireReplaceable,
  setAside,
  settleReplaced,
} from "../common/files/replace";
import { isRunning, processStart } from "../common/processes";
import { projectPath } from "../common/project";
import { keysOf } from "../common/records";
import { overrideConfig, type TrainConfig } from "../config/config";
import { withPresentNames } from "../config/old_names";
import type { OptimiserSettings } from "../config/optimiser";
import { vit224 } from "../config/presets";
import { type PlaceSettings, processCount } from "../config/processes";
import { eventFiles } from "./event_files";
import { type Metric, parseMetric } from "./metrics";
import { dataDifferences } from "./run_note";

/** Files of a run folder `checkpoints/<run>/`. */
export const RUN_FILES = {
  config: "config.json",
  environment: "environment.json",
  metrics: "metrics.jsonl",
  log: "log.txt",
  pid: "pid",
  last: "last.safetensors",
} as const;

const ownNames: readonly string[] = Object.values(RUN_FILES);

/** How a run's folder is known again. */
export const RUN_FOLDER: MadeKind = {
  what: "a run",
  isFolder: true,
  parts: [...RUN_PARTS, ...ownNames.map((name) => new RegExp(`^${name.replaceAll(".", "\\.")}$`))],
  isMade: (path) => existsSync(join(path, RUN_FILES.config)),
};
/** As much of `config.json` as is needed to check the rest of it. */
const CONFIG = z.looseObject({ stage: z.enum(["frozen", "fine_tune"]) });

/** Settings that may change between two starts of one run: they do not alter its results. */
const HARMLESS: ReadonlySet<string> = new Set([
  "numWorkers",
  "nBatchLog",
  "cpktEpoch",
  "cpktSteps",
  "keepEverySteps",
  "keepCheckpoints",
  "bestBy",
  "bestOf",
  "gradientCheckpointing",
  // What of these matters is in DERIVED
  "processes",
  "gpus",
  "batchSize",
  "accumulationSteps",
]);

/** Numbers that the settings give together, and that must not change: a run may go on in other processes. */
const DERIVED: Record<string, (config: TrainConfig) => number | undefined> = {
  "global batch (processes x batchSize)": globalBatch,
  // A batch norm sees a piece at a time; to all else it does not matter in how many pieces a batch goes through
  "images that batch norm sees at once (processes x batchSize / accumulationSteps)": (config) =>
    config.neck === "simple" ? undefined : globalBatch(config) / config.accumulationSteps,
};

/** Images of an optimizer step, over all processes. */
function globalBatch(config: PlaceSettings & Pick<OptimiserSettings, "batchSize">): number {
  return processCount(config) * config.batchSize;
}

/**
 * The folder of a run by its name, or the path of one.
 * @example
 * runFolder("demo_frozen") // "/home/me/project/checkpoints/demo_frozen"
 */
export function runFolder(nameOrPath: string): string {
  return projectPath(nameOrPath.includes("/") ? nameOrPath : join("checkpoints", nameOrPath));
}

/** The folder of a run that is there. @throws UserError where there is none, with the nearest name */
export function requireRun(nameOrPath: string): string {
  const folder = runFolder(nameOrPath);
  if (existsSync(runFile(folder, "config"))) return folder;
  throw missingRun(nameOrPath);
}

/** What is said of a run that is not there. */
export function missingRun(nameOrPath: string): UserError {
  const near = nearestName(nameOrPath, listRuns());
  const next = "`npx guie runs` lists the runs; `npx guie train` or startRun(config) starts one.";
  return new UserError(
    `Expected a run at ${runFolder(nameOrPath)}: there is none.`,
    near ? `Did you mean "${near}"?` : next,
  );
}

/** The path of one of a run's files. */
export function runFile(folder: string, file: keyof typeof RUN_FILES): string {
  return join(folder, RUN_FILES[file]);
}

/** What to do about a run of other settings or data, in the command line's words. */
const OTHER_RUN_ADVICE = "Choose another --run-name, or give --overwrite to replace that run.";

/**
 * Makes the run's folder and writes its config, or checks that the folder holds a run of the same config and data, which
 * then goes on from its last checkpoint (a finished one stays as it is). A run that ended before its first checkpoint
 * gives its place to another.
 * @param overwrite set an existing run of this name aside: it goes with the new one's first checkpoint, and comes back
 *   where the new one ends before that
 * @param folder where, when not in `checkpoints/<run>/`
 * @param advice what to do about another run, in the words of whoever asks
 * @returns the folder
 * @throws UserError when the folder holds another run or none, or the run is under way; where it is to give way, also when
 *   it holds anything but a run, or what the config starts from
 * @example
 * const folder = prepareRunFolder(preset("demo", "frozen"));
 */
export function prepareRunFolder(
  config: Readonly<TrainConfig>,
  { overwrite = false, folder = runFolder(config.runName), advice = OTHER_RUN_ADVICE } = {},
): string {
  refuseIfUnderWay(folder);
  settleReplaced(folder, () => hasCheckpoint(folder));
  const path = runFile(folder, "config");
  if (overwrite) giveWay(folder, config);
  else if (!existsSync(path) && existsSync(folder)) {
    requireReplaceable(realpathSync(folder), RUN_FOLDER, { overwrite, option: "--run-name" });
  }
  if (existsSync(path)) {
    if (hasBegun(folder)) refuseOtherRun(folder, config, advice);
    else clearFailedStart(folder);
  }
  writeJson(runFile(folder, "config"), config);
  return folder;
}

function giveWay(folder: string, config: Readonly<TrainConfig>): void {
  const { initFrom, weights, features, dataDir } = config;
  const start = initFrom.replace(/:\w+$/, "");
  const starts = start === "" ? [] : [runFolder(start), runFolder(dirname(start))];
  const files = [weights, features, dataDir].filter((path) => path !== "").map((path) => projectPath(path));
  const inputs = [...starts, ...files];
  requireReplaceable(folder, RUN_FOLDER, { overwrite: true, inputs, option: "--run-name" });
  if (existsSync(folder)) setAside(folder);
}

/** Whether a run has written a checkpoint, from which it goes on. */
export function hasCheckpoint(folder: string): boolean {
  return existsSync(runFile(folder, "last"));
}

/**
 * Brings the run back that a run was to replace which ended before its first checkpoint.
 * @returns a sentence that says so, "" where there is none
 */
export function bringBack(folder: string, why: string): string {
  if (hasCheckpoint(folder) || !putBack(folder)) return "";
  logLine(folder, `A run that was to replace this one ended before its first checkpoint: ${why}`);
  return `The run in ${folder} stands as it was before.`;
}

/** @throws UserError where the run in a folder has other settings, or was made of other data than there are now */
export function refuseOtherRun(folder: string, config: Readonly<TrainConfig>, advice: string): void {
  const settings = configDifferences(readRunConfig(folder), config);
  const data = dataDifferences(folder, config);
  const faults = [
    ...(settings.length > 0 ? [`with other settings: ${settings.join(", ")}`] : []),
    ...(data.length > 0 ? [`of other data: ${data.join("; ")}`] : []),
  ];
  if (faults.length > 0) throw new UserError(`${folder} holds a run ${faults.join(", and ")}.`, advice);
}

/** A process that has not begun to train after this long is not coming. */
export const START_TIMEOUT_MS = 120_000;

/** Whether the run in a folder has something to lose: a checkpoint, its end, or a process that is about to train it. */
function hasBegun(folder: string): boolean {
  if (readdirSync(folder).some((name) => name.endsWith(".safetensors"))) return true;
  const end = readMetrics(folder).at(-1);
  if (end?.kind === "end") return end.reason === "finished";
  return Math.abs(Date.now() - statSync(runFile(folder, "config")).mtimeMs) < START_TIMEOUT_MS;
}

/** Takes away what a start measured that came to no checkpoint; its log and what it printed stay. */
function clearFailedStart(folder: string): void {
  for (const path of [runFile(folder, "metrics"), ...eventFiles(folder)]) rmSync(path, { force: true });
}

/**
 * The config for other processes on the same run: with the batch size that leaves the global batch as it is.
 * @throws UserError where there is none
 */
export function inProcesses(config: Readonly<TrainConfig>, processes: PlaceSettings): Readonly<TrainConfig> {
  const count = processCount(processes);
  const images = globalBatch(config);
  if (images % count === 0) return overrideConfig(config, { ...processes, batchSize: images / count });
  throw new UserError(
    `The run's global batch of ${images} images cannot be divided over ${count} processes.`,
    `Go on with a number of them that divides ${images}.`,
  );
}

/** "initLr 0.001 -> 0.002" for every setting that differs and matters. */
export function configDifferences(before: TrainConfig, now: TrainConfig): string[] {
  const names = keysOf(now);
  const values = names
    .filter((name) => !HARMLESS.has(name))
    .map((name) => [name, before[name], now[name]] as const);
  const derived = Object.entries(DERIVED).map(([name, of]) => [name, of(before), of(now)] as const);
  return [...values, ...derived]
    .filter(([, before, now]) => before !== now)
    .map(([name, before, now]) => `${name} ${before} -> ${now}`);
}

/**
 * Reads the config of the run in a folder, checked. Old names get their present ones; settings younger than the run have
 * the value that changes nothing.
 * @example
 * readRunConfig(runFolder("demo_frozen")).initLr
 */
export function readRunConfig(folder: string): Readonly<TrainConfig> {
  const path = runFile(folder, "config");
  const config = readJson(path, CONFIG, "Start the run with `npx guie train`; `npx guie runs` lists them.");
  try {
    return overrideConfig(vit224(config.stage), withPresentNames(config).settings);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${path}: ${error.what}`, error.next, { cause: error });
  }
}

/** The living process that trains a run, or is about to; undefined where none does. */
export function trainerOf(folder: string): Pick<Owner, "pid" | "host" | "since"> | undefined {
  return ownerOf(folder) ?? trainerByPid(folder);
}

/** By its `pid` alone: a process of an earlier version of this project. */
function trainerByPid(folder: string): ReturnType<typeof trainerOf> {
  const path = runFile(folder, "pid");
  if (!existsSync(path)) return undefined;
  const [pid, startedAt] = readFileSync(path, "utf8").split(" ");
  const isAlive = isRunning(Number(pid)) && processStart(Number(pid)) === startedAt;
  return isAlive
    ? { pid: Number(pid), host: hostname(), since: statSync(path).mtime.toISOString() }
    : undefined;
}

/** Whether the process that trains this run is alive (and is not this one). */
export function isUnderWay(folder: string): boolean {
  const trainer = trainerOf(folder);
  return trainer !== undefined && !(trainer.pid === process.pid && trainer.host === hostname());
}

function refuseIfUnderWay(folder: string): void {
  if (!isUnderWay(folder)) return;
  throw new UserError(
    ownedText(folder, THE_RUN, trainerOf(folder)!),
    "Watch it, or stop that process first.",
  );
}

const THE_RUN = "The run";

/** Claims a run for this process, before its folder is looked at or changed. @throws UserError where it is under way */
export function claimRunFolder(folder: string): Claim {
  refuseIfUnderWay(folder);
  return claim(folder, THE_RUN);
}

/**
 * Marks the run as under way in this process, until the returned function is called.
 * @param claimed the claim, where this process has it already; it is not given up then
 */
export function claimRun(folder: string, claimed?: Claim): () => void {
  const own = claimed ?? claimRunFolder(folder);
  writeFileAtomically(runFile(folder, "pid"), `${process.pid} ${processStart(process.pid)}`);
  return () => {
    rmSync(runFile(folder, "pid"), { force: true });
    if (!claimed) own.release();
  };
}

/**
 * All metrics of a run; a last line that is cut off (the process was killed) is left out.
 * @example
 * readMetrics(runFolder("demo_frozen")).at(-1)
 */
export function readMetrics(folder: string): Metric[] {
  const path = runFile(folder, "metrics");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  const whole = lines.slice(0, -1);
  return whole.map((line, index) => parseMetric(path, index + 1, line));
}

/** Adds a line to the run's metrics. */
export function appendMetric(folder: string, metric: Metric): void {
  appendToFile(runFile(folder, "metrics"), `${JSON.stringify(metric)}\n`);
}

/** Adds a line to the run's log, with the time. */
export function logLine(folder: string, line: string): void {
  appendToFile(runFile(folder, "log"), `${new Date().toISOString()} ${line}\n`);
}

/**
 * Drops what a killed process measured after its last checkpoint: those steps are taken again, and an epoch that
 * ends with the checkpoint is evaluated again (its evaluation may have been cut off).
 */
export function rewindMetrics(folder: string, step: number): void {
  const kept = readMetrics(folder).filter(
    (metric) =>
      metric.kind !== "end" && (metric.step < step || (metric.kind === "step" && metric.step === step)),
  );
  writeFileAtomically(
    runFile(folder, "metrics"),
    kept.map((metric) => `${JSON.stringify(metric)}\n`).join(""),
  );
}

/** Whether the run has taken its last step and closed its metrics. */
export function isFinished(folder: string): boolean {
  const last = readMetrics(folder).at(-1);
  return last?.kind === "end" && last.reason === "finished";
}

/** Names of the runs below `checkpoints/`, sorted. */
export function listRuns(): string[] {
  const folder = projectPath("checkpoints");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => !name.startsWith(".") && existsSync(join(folder, name, RUN_FILES.config)))
    .sort();
}
