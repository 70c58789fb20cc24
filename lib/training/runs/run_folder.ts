import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../common/errors";
import { readJson, writeFileAtomically, writeJson } from "../../common/files";
import { isRunning, processStart } from "../../common/processes";
import { projectPath } from "../../common/project";
import { type ConfigOverrides, overrideConfig, processCount, type TrainConfig } from "../../config/config";
import { vit224 } from "../../config/presets";
import { type Metric, parseMetric } from "./metrics";

/** Files of a run folder `checkpoints/<run>/`. */
export const RUN_FILES = {
  config: "config.json",
  environment: "environment.json",
  metrics: "metrics.jsonl",
  log: "log.txt",
  pid: "pid",
  last: "last.safetensors",
} as const;

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
  "workers",
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
function globalBatch(config: Pick<TrainConfig, "gpus" | "workers" | "batchSize">): number {
  return processCount(config) * config.batchSize;
}

/** The folder of a run by its name, or the path of one. */
export function runFolder(nameOrPath: string): string {
  return nameOrPath.includes("/") ? projectPath(nameOrPath) : projectPath("checkpoints", nameOrPath);
}

/** The path of one of a run's files. */
export function runFile(folder: string, file: keyof typeof RUN_FILES): string {
  return join(folder, RUN_FILES[file]);
}

/**
 * Makes the run's folder and writes its config, or checks that the folder holds a run of the same config, which
 * then goes on from its last checkpoint (a finished one stays as it is).
 * @param overwrite delete an existing run of this name first
 * @param folder where, when not in `checkpoints/<run>/`
 * @returns the folder
 * @throws UserError when the folder holds another run, or the run is under way
 */
export function prepareRunFolder(
  config: Readonly<TrainConfig>,
  { overwrite = false, folder = runFolder(config.runName) } = {},
): string {
  refuseIfUnderWay(folder);
  if (overwrite) rmSync(folder, { recursive: true, force: true });
  const path = runFile(folder, "config");
  if (existsSync(path)) {
    const differences = configDifferences(readRunConfig(folder), config);
    if (differences.length > 0) {
      throw new UserError(
        `${folder} holds a run with other settings: ${differences.join(", ")}.`,
        "Choose another --run-name (runName; for a sweep its name), or give --overwrite to delete that run.",
      );
    }
  }
  writeJson(path, config);
  return folder;
}

/**
 * The config for other processes on the same run: with the batch size that leaves the global batch as it is.
 * @throws UserError where there is none
 */
export function inProcesses(
  config: Readonly<TrainConfig>,
  processes: Pick<TrainConfig, "workers" | "gpus">,
): Readonly<TrainConfig> {
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
  const names = Object.keys(now) as (keyof TrainConfig)[];
  const values = names
    .filter((name) => !HARMLESS.has(name))
    .map((name) => [name, before[name], now[name]] as const);
  const derived = Object.entries(DERIVED).map(([name, of]) => [name, of(before), of(now)] as const);
  return [...values, ...derived]
    .filter(([, before, now]) => before !== now)
    .map(([name, before, now]) => `${name} ${before} -> ${now}`);
}

/** The config of the run in a folder, checked. Settings younger than the run have the value that changes nothing. */
export function readRunConfig(folder: string): Readonly<TrainConfig> {
  const path = runFile(folder, "config");
  const config = readJson(path, CONFIG, "Start the run with `npx guie train`; `npx guie runs` lists them.");
  try {
    return overrideConfig(vit224(config.stage), config as ConfigOverrides);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${path}: ${error.what}`, error.next, { cause: error });
  }
}

/** Whether the process that trains this run is alive (and is not this one). */
export function isUnderWay(folder: string): boolean {
  const path = runFile(folder, "pid");
  if (!existsSync(path)) return false;
  const [pid, startedAt] = readFileSync(path, "utf8").split(" ");
  const isOther = Number(pid) !== process.pid && isRunning(Number(pid));
  return isOther && processStart(Number(pid)) === startedAt;
}

function refuseIfUnderWay(folder: string): void {
  if (!isUnderWay(folder)) return;
  const [pid] = readFileSync(runFile(folder, "pid"), "utf8").split(" ");
  throw new UserError(
    `The run in ${folder} is under way (process ${pid}).`,
    "Watch it, or stop that process first.",
  );
}

/** Marks the run as under way in this process, until the returned function is called. */
export function claimRun(folder: string): () => void {
  refuseIfUnderWay(folder);
  writeFileAtomically(runFile(folder, "pid"), `${process.pid} ${processStart(process.pid)}`);
  return () => rmSync(runFile(folder, "pid"), { force: true });
}

/** All metrics of a run; a last line that is cut off (the process was killed) is left out. */
export function readMetrics(folder: string): Metric[] {
  const path = runFile(folder, "metrics");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  const whole = lines.slice(0, -1);
  return whole.map((line, index) => parseMetric(path, index + 1, line));
}

/** Adds a line to the run's metrics. */
export function appendMetric(folder: string, metric: Metric): void {
  appendFileSync(runFile(folder, "metrics"), `${JSON.stringify(metric)}\n`);
}

/** Adds a line to the run's log, with the time. */
export function logLine(folder: string, line: string): void {
  appendFileSync(runFile(folder, "log"), `${new Date().toISOString()} ${line}\n`);
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
    .filter((name) => existsSync(join(folder, name, RUN_FILES.config)))
    .sort();
}
