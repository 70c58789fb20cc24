// Reads and writes the files of a run's folder `checkpoints/<run>/`: config, metrics, log.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { nearestName, UserError } from "../common/errors";
import { appendToFile, readJson, writeFileAtomically } from "../common/files/files";
import { projectPath } from "../common/project";
import { overrideConfig, type TrainConfig } from "../config/config";
import { withPresentNames } from "../config/old_names";
import { vit224 } from "../config/presets";
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

/** The part of `config.json` that is needed to check the rest. */
const CONFIG = z.looseObject({ stage: z.enum(["frozen", "fine_tune"]) });

/**
 * Returns the folder of a run, by its name or path.
 * @example
 * runFolder("demo_frozen") // "/home/me/project/checkpoints/demo_frozen"
 */
export function runFolder(nameOrPath: string): string {
  return projectPath(nameOrPath.includes("/") ? nameOrPath : join("checkpoints", nameOrPath));
}

/** Returns the folder with all runs. */
export function runsHome(): string {
  return projectPath("checkpoints");
}

/** Returns the folder of an existing run. @throws UserError with the nearest name if there is none */
export function requireRun(nameOrPath: string): string {
  const folder = runFolder(nameOrPath);
  if (existsSync(runFile(folder, "config"))) return folder;
  throw missingRun(nameOrPath);
}

/** Returns the error for a missing run. */
export function missingRun(nameOrPath: string): UserError {
  const near = nearestName(nameOrPath, listRuns());
  const next = "`npx guie runs` lists the runs; `npx guie train` or startRun(config) starts one.";
  return new UserError(
    `Expected a run at ${runFolder(nameOrPath)}: there is none.`,
    near ? `Did you mean "${near}"?` : next,
  );
}

/** Returns the path of a run's file. */
export function runFile(folder: string, file: keyof typeof RUN_FILES): string {
  return join(folder, RUN_FILES[file]);
}

/** Tells whether a run has written a checkpoint. */
export function hasCheckpoint(folder: string): boolean {
  return existsSync(runFile(folder, "last"));
}

/**
 * Reads and checks the config of the run in a folder. Old names become the present ones; settings newer than the run
 * get the value that changes nothing.
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

/**
 * Reads all metrics of a run, without a last line that is cut off (the process was killed).
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

/** Appends a metric to the run's metrics. */
export function appendMetric(folder: string, metric: Metric): void {
  appendToFile(runFile(folder, "metrics"), `${JSON.stringify(metric)}\n`);
}

/** Appends a line with the time to the run's log. */
export function logLine(folder: string, line: string): void {
  appendToFile(runFile(folder, "log"), `${new Date().toISOString()} ${line}\n`);
}

/**
 * Drops the metrics that a killed process wrote after its last checkpoint: those steps are taken again, and an epoch
 * that ends with the checkpoint is evaluated again (its evaluation may have been cut off).
 * @param step steps of the run up to the checkpoint
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

/** Tells whether the run has taken its last step and closed its metrics. */
export function isFinished(folder: string): boolean {
  const last = readMetrics(folder).at(-1);
  return last?.kind === "end" && last.reason === "finished";
}

/** Lists the names of the runs below `checkpoints/`, sorted. */
export function listRuns(): string[] {
  const folder = runsHome();
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => !name.startsWith(".") && existsSync(join(folder, name, RUN_FILES.config)))
    .sort();
}
