import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { UserError } from "../../common/errors";
import { projectRoot } from "../../common/project";
import type { TrainConfig } from "../../config/config";
import { beginRun } from "../begin_run";
import { bringBack, isUnderWay, runFile, runFolder, trainerOf } from "./run_folder";

/** A run in a process of its own. */
export interface RunHandle {
  /** The run's folder. */
  folder: string;
  /** Asks the run to finish its step, save and end; the same config goes on from there later. */
  stop(): void;
}

/** How a run is started. */
export interface StartOptions {
  /** Replace an existing run of this name: it goes with the new one's first checkpoint. */
  overwrite?: boolean;
  /** Of a run of several processes: so often it goes on from its last checkpoint after one of them failed. */
  maxRestarts?: number;
}

/**
 * Starts (or takes up) a run in a process of its own, detached: closing the browser or restarting the kernel does
 * not touch it. `workers` or `gpus` in the config make it several processes. What it prints goes to `output.txt` in its folder.
 */
export function startRun(config: Readonly<TrainConfig>, options: StartOptions = {}): RunHandle {
  const { folder, claim } = beginRun(config, options);
  const output = openSync(join(folder, "output.txt"), "a");
  const restarts = options.maxRestarts ? ["--max-restarts", String(options.maxRestarts)] : [];
  const guie = join(projectRoot(), "lib/bin/guie.js");
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
  return { folder, stop: () => stopRun(folder) };
}

/** Takes hold of a run that was started elsewhere, by its name or folder. */
export function attachRun(nameOrPath: string): RunHandle {
  const folder = runFolder(nameOrPath);
  if (!existsSync(runFile(folder, "config"))) {
    throw new UserError(
      `Expected a run at ${folder}: there is none.`,
      "`npx guie train` or startRun(config) starts one.",
    );
  }
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
