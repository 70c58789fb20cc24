// Runs of several processes for tests: configs, losses, processes.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { overrideConfig, type TrainConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { readMetrics, runFile, runFolder } from "guie/dist/runs/run_folder";

/**
 * Largest relative difference of a loss: float32 has 6e-8, the sums of a step have another order, and a batch norm
 * divides by small deviations. Measured: 1.4e-7 without batch norm, 2.3e-6 with.
 */
export const TOLERANCE = 1e-5;

const made: string[] = [];

/** Returns the config of a run with 12 images per step, over any number of processes. */
export function runConfig(
  name: string,
  dataDir: string,
  processes: number,
  overrides: Partial<TrainConfig> = {},
): Readonly<TrainConfig> {
  const runName = `test-${process.pid}-${name.replaceAll(/\W+/g, "-")}`;
  made.push(runName);
  const run = { runName, dataDir, processes, batchSize: 12 / processes, maxStepsPerEpoch: 2 };
  return overrideConfig(tiny(overrides.stage ?? "fine_tune"), { ...run, ...overrides });
}

/** Deletes the folders of all runs of `runConfig`. */
export function removeRuns(): void {
  for (const name of made) rmSync(runFolder(name), { recursive: true, force: true });
}

/** Reads the losses of a run, step by step. */
export function lossesOf(folder: string): number[] {
  if (!existsSync(runFile(folder, "metrics"))) return [];
  return readMetrics(folder).flatMap((metric) => (metric.kind === "step" ? [metric.loss] : []));
}

/** Asserts that losses are equal within TOLERANCE. */
export function assertSameLosses(losses: readonly number[], expected: readonly number[]): void {
  assert.equal(losses.length, expected.length);
  for (const [i, loss] of losses.entries()) {
    const difference = Math.abs(loss - expected[i]!) / expected[i]!;
    assert.ok(difference < TOLERANCE, `step ${i + 1}: ${loss} instead of ${expected[i]}`);
  }
}

/** Waits until a run has taken `count` steps. */
export async function stepsTaken(folder: string, count: number): Promise<void> {
  for (let i = 0; i < 6000; i++, await sleep(20)) if (lossesOf(folder).length >= count) return;
  assert.fail(`no ${count} steps in ${folder}`);
}

/** Finds the processes that a supervisor has started, by rank. */
export function rankProcesses(supervisor = process.pid): Map<number, number> {
  const ranks = new Map<number, number>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const environment = readOr(`/proc/${pid}/environ`);
    if (!environment.includes(`GUIE_SUPERVISOR=${supervisor}\0`)) continue;
    const rank = /"index":(\d+)/.exec(environment)?.[1];
    if (rank !== undefined && readOr(`/proc/${pid}/cmdline`) !== "") ranks.set(Number(rank), Number(pid));
  }
  return ranks;
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process has ended
  }
}
