// Starts a run in its folder: claims it, checks or replaces the run that is there, restores that run if the start fails.
import { existsSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { UserError } from "../common/errors";
import { type Claim, claim, ownedText } from "../common/files/claim";
import { writeFileAtomically, writeJson } from "../common/files/files";
import { RUN_PARTS } from "../common/files/made_parts";
import { type Owner, ownerOf } from "../common/files/owner";
import {
  type MadeKind,
  putBack,
  requireReplaceable,
  setAside,
  settleReplaced,
} from "../common/files/replace";
import { isRunning, processStart } from "../common/parallel/processes";
import { projectPath } from "../common/project";
import { keysOf } from "../common/typed_keys";
import { overrideConfig, type TrainConfig } from "../config/config";
import type { OptimiserSettings } from "../config/optimiser";
import { type PlaceSettings, processCount } from "../config/processes";
import { eventFiles } from "./event_files";
import {
  hasCheckpoint,
  logLine,
  RUN_FILES,
  readMetrics,
  readRunConfig,
  runFile,
  runFolder,
} from "./run_folder";
import { dataDifferences } from "./run_note";

/** Recognises a run's folder and its parts. */
export const RUN_FOLDER: MadeKind = {
  what: "a run",
  isFolder: true,
  parts: [
    ...RUN_PARTS,
    ...Object.values(RUN_FILES).map((name) => new RegExp(`^${name.replaceAll(".", "\\.")}$`)),
  ],
  isMade: (path) => existsSync(join(path, RUN_FILES.config)),
};

/** Settings that may change between two starts of one run, because they do not alter its results. */
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
  // DERIVED compares what matters of these
  "processes",
  "gpus",
  "batchSize",
  "accumulationSteps",
]);

/** Numbers derived from several settings that must not change: a run may go on in other processes. */
const DERIVED: Record<string, (config: TrainConfig) => number | undefined> = {
  "global batch (processes x batchSize)": globalBatch,
  // Only batch norm depends on how many pieces a batch is divided into: it sees one at a time
  "images that batch norm sees at once (processes x batchSize / accumulationSteps)": (config) =>
    config.neck === "simple" ? undefined : globalBatch(config) / config.accumulationSteps,
  "processes (each reads its own part of the tars)": (config) =>
    config.imagesFrom === "tars" ? processCount(config) : undefined,
};

/** Returns the images of an optimizer step over all processes. */
function globalBatch(config: PlaceSettings & Pick<OptimiserSettings, "batchSize">): number {
  return processCount(config) * config.batchSize;
}

/** Advice about a run of other settings or data, in the command line's words. */
const OTHER_RUN_ADVICE = "Choose another --run-name, or give --overwrite to replace that run.";

/**
 * Makes the run's folder and writes its config, or checks that the folder holds a run of the same config and data,
 * which then goes on from its last checkpoint (a finished one stays as it is). A run that ended before its first
 * checkpoint is replaced.
 * @param overwrite set an existing run of this name aside: it is deleted at the new run's first checkpoint, and comes
 *   back if the new run ends before that
 * @param folder the run's folder; default `checkpoints/<run>/`
 * @param advice what to do about another run, in the caller's words
 * @returns the folder
 * @throws UserError if the folder holds another run or something else, or the run is under way; with `overwrite`, if it
 *   holds anything but a run, or an input of the config
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

/**
 * Restores the run that was set aside, after the run that should replace it ended before its first checkpoint.
 * @param why the reason for that end, for the log
 * @returns a sentence that says so; "" if no run was set aside
 */
export function bringBack(folder: string, why: string): string {
  if (hasCheckpoint(folder) || !putBack(folder)) return "";
  logLine(folder, `A run that was to replace this one ended before its first checkpoint: ${why}`);
  return `The run in ${folder} is as it was before.`;
}

/** Refuses a run in a folder that has other settings, or was made of other data than there are now. @throws UserError */
export function refuseOtherRun(folder: string, config: Readonly<TrainConfig>, advice: string): void {
  const settings = configDifferences(readRunConfig(folder), config);
  const data = dataDifferences(folder, config);
  const faults = [
    ...(settings.length > 0 ? [`with other settings: ${settings.join(", ")}`] : []),
    ...(data.length > 0 ? [`of other data: ${data.join("; ")}`] : []),
  ];
  if (faults.length > 0) throw new UserError(`${folder} holds a run ${faults.join(", and ")}.`, advice);
}

/** Time within which a started process begins to train; after it, the start counts as failed. */
export const START_TIMEOUT_MS = 120_000;

/** Tells whether the run in a folder has something to lose: a checkpoint, its end, or a process about to train it. */
function hasBegun(folder: string): boolean {
  if (readdirSync(folder).some((name) => name.endsWith(".safetensors"))) return true;
  const end = readMetrics(folder).at(-1);
  if (end?.kind === "end") return end.reason === "finished";
  return Math.abs(Date.now() - statSync(runFile(folder, "config")).mtimeMs) < START_TIMEOUT_MS;
}

/** Deletes the metrics of a start that wrote no checkpoint; its log and output stay. */
function clearFailedStart(folder: string): void {
  for (const path of [runFile(folder, "metrics"), ...eventFiles(folder)]) rmSync(path, { force: true });
}

/**
 * Returns the config for other processes on the same run, with the batch size that keeps the global batch.
 * @throws UserError if there is none
 */
export function inProcesses(config: Readonly<TrainConfig>, processes: PlaceSettings): Readonly<TrainConfig> {
  const count = processCount(processes);
  const images = globalBatch(config);
  if (images % count === 0) return overrideConfig(config, { ...processes, batchSize: images / count });
  throw new UserError(
    `The run's global batch of ${images} images cannot be divided over ${count} processes.`,
    `Go on with a number of processes that divides ${images}.`,
  );
}

/** Formats "initLr 0.001 -> 0.002" for every setting that differs and matters. */
export function configDifferences(before: TrainConfig, now: TrainConfig): string[] {
  const names = keysOf(now);
  const values = names
    .filter((name) => !HARMLESS.has(name))
    .map((name) => [name, before[name], now[name]] as const);
  const derived = Object.entries(DERIVED).map(
    ([name, derive]) => [name, derive(before), derive(now)] as const,
  );
  return [...values, ...derived]
    .filter(([, before, now]) => !isDeepStrictEqual(before, now))
    .map(([name, before, now]) => `${name} ${before} -> ${now}`);
}

/** Returns the living process that trains a run, or is about to; undefined if there is none. */
export function trainerOf(folder: string): Pick<Owner, "pid" | "host" | "since"> | undefined {
  return ownerOf(folder) ?? trainerByPid(folder);
}

/** Finds the process by the file `pid` alone, as earlier versions of this project wrote it. */
function trainerByPid(folder: string): ReturnType<typeof trainerOf> {
  const path = runFile(folder, "pid");
  if (!existsSync(path)) return undefined;
  const [pid, startedAt] = readFileSync(path, "utf8").split(" ");
  const isAlive = isRunning(Number(pid)) && processStart(Number(pid)) === startedAt;
  return isAlive
    ? { pid: Number(pid), host: hostname(), since: statSync(path).mtime.toISOString() }
    : undefined;
}

/** Tells whether another living process trains this run. */
export function isUnderWay(folder: string): boolean {
  const trainer = trainerOf(folder);
  return trainer !== undefined && !(trainer.pid === process.pid && trainer.host === hostname());
}

function refuseIfUnderWay(folder: string): void {
  if (!isUnderWay(folder)) return;
  throw new UserError(
    ownedText(folder, THE_RUN, trainerOf(folder)!),
    "Watch it, or stop that process first.",
    { mayPass: true },
  );
}

const THE_RUN = "The run";

/** Claims a run for this process, before its folder is read or changed. @throws UserError if it is under way */
export function claimRunFolder(folder: string): Claim {
  refuseIfUnderWay(folder);
  return claim(folder, THE_RUN);
}

/**
 * Marks the run as under way in this process.
 * @param claimed the claim, if this process has it already; it is not released then
 * @returns a function that ends the mark
 */
export function claimRun(folder: string, claimed?: Claim): () => void {
  const held = claimed ?? claimRunFolder(folder);
  writeFileAtomically(runFile(folder, "pid"), `${process.pid} ${processStart(process.pid)}`);
  return () => {
    rmSync(runFile(folder, "pid"), { force: true });
    if (!claimed) held.release();
  };
}
