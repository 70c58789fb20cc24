// Starts a whole run in a process of its own, apart from the notebook or command, and attaches to it.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { UserError } from "../common/errors";
import { Interrupted } from "../common/interrupt";
import { installPath, projectRoot } from "../common/project";
import type { TrainConfig } from "../config/config";
import { nameOfConfig } from "../config/run_name";
import { isFinished, requireRun, runFolder } from "../runs/run_folder";
import { endedAt, finishedBeforeText } from "../runs/run_summary";
import { refuseOtherStart } from "../runs/start_check";
import { bringBack, isUnderWay, refuseOtherRun, trainerOf } from "../runs/start_folder";
import { type BegunRun, beginRun } from "./begin_run";

/** A run in a separate process. */
export interface RunHandle {
  /** The run's folder. */
  folder: string;
  /** The reason if no training was started: "demo_frozen: finished before (...), ...". */
  note?: string;
  /** Asks the run to finish its step, save and end; starting the same config later goes on from there. */
  stop(): void;
}

/** Options of starting a run. */
export interface StartOptions {
  /** Aborting it stops the run, like the handle's `stop`. */
  signal?: AbortSignal | undefined;
  /** Replace an existing run of this name: it is deleted at the new run's first checkpoint. */
  overwrite?: boolean;
  /** For a run of several processes: maximum number of restarts from the last checkpoint after a process failed. */
  maxRestarts?: number;
}

/** Returns the advice about a run of other settings or data, in a notebook's words. */
function otherRunAdvice(config: Readonly<TrainConfig>): string {
  return (
    `Give the run another name (in Train the parameter \`run\`; without one it is called ${nameOfConfig(config)}), or ` +
    "replace the old one: startRun(config, { overwrite: true })."
  );
}

/**
 * Starts (or resumes) a run in a separate, detached process: closing the browser or restarting the kernel does not
 * affect it. `processes` or `gpus` in the config make it several processes. Its output goes to `output.txt` in its
 * folder. Attaches to a run of the same settings and data that is under way; leaves a finished one as it is.
 * @throws UserError if a run of this name has other settings, or was made of other data
 */
export function startRun(
  config: Readonly<TrainConfig>,
  { signal, ...options }: StartOptions = {},
): RunHandle {
  if (signal?.aborted) throw new Interrupted(undefined, { cause: signal.reason });
  const run = begin(config, options);
  signal?.addEventListener("abort", () => run.stop(), { once: true });
  return run;
}

function begin(config: Readonly<TrainConfig>, options: StartOptions): RunHandle {
  const { runName } = config;
  if (isUnderWay(runFolder(runName))) return attachToSame(config, options);
  const { overwrite = false } = options;
  const begun = beginRun(config, { overwrite, advice: otherRunAdvice(config) });
  const { folder } = begun;
  const handle = { folder, stop: () => stopRun(folder) };
  if (!isFinished(folder)) {
    spawnRun(begun, options);
    return handle;
  }
  begun.claim.release();
  refuseOtherStart(folder, config, otherRunAdvice(config));
  return { ...handle, note: `${runName}: ${finishedBeforeText(folder, endedAt(folder))}` };
}

/** Attaches to the run of this config that is under way. @throws UserError if that run has other settings or data */
function attachToSame(config: Readonly<TrainConfig>, { overwrite }: StartOptions): RunHandle {
  const { runName } = config;
  const folder = runFolder(runName);
  const advice = `Stop it first (attachRun("${runName}").stop()), or give this run another name (in Train the parameter \`run\`).`;
  if (overwrite) throw new UserError(`The run ${runName} is under way: it is not replaced.`, advice);
  refuseOtherRun(folder, config, advice);
  const note = `${runName}: already under way, with the same settings and data; attached to it`;
  return { folder, note, stop: () => stopRun(folder) };
}

function spawnRun({ folder, claim }: BegunRun, options: StartOptions): void {
  const output = openSync(join(folder, "output.txt"), "a");
  const restarts = options.maxRestarts ? ["--max-restarts", String(options.maxRestarts)] : [];
  const guie = installPath("lib/bin/guie.js");
  const child: ChildProcess = spawn(process.execPath, [guie, "train", "--run-dir", folder, ...restarts], {
    cwd: projectRoot(),
    detached: true,
    stdio: ["ignore", output, output],
  });
  if (child.pid !== undefined) claim.handTo(child.pid);
  else {
    bringBack(folder, "its process did not start");
    claim.release();
  }
  child.unref();
  closeSync(output);
}

/** Attaches to a run that was started elsewhere, by its name or folder. */
export function attachRun(nameOrPath: string): RunHandle {
  const folder = requireRun(nameOrPath);
  return { folder, stop: () => stopRun(folder) };
}

/** Asks the process of a run to finish its step, save and end. */
function stopRun(folder: string): void {
  if (!isUnderWay(folder))
    throw new UserError(`The run in ${folder} is not under way.`, "There is nothing to stop.");
  const { pid, host } = trainerOf(folder)!;
  if (host !== hostname())
    throw new UserError(`The run in ${folder} is trained on ${host}.`, `Stop process ${pid} there.`);
  process.kill(pid, "SIGTERM");
}
