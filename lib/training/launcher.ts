import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../common/errors";
import { projectRoot } from "../common/project";
import type { TrainConfig } from "../config/config";
import { isUnderWay, prepareRunFolder, runFile, runFolder } from "./run_folder";

/** A run in a process of its own. */
export interface RunHandle {
  /** The run's folder. */
  folder: string;
  /** Asks the run to finish its step, save and end; the same config goes on from there later. */
  stop(): void;
}

/**
 * Starts (or takes up) a run in a process of its own, detached: closing the browser or restarting the kernel does
 * not touch it. What it prints goes to `output.txt` in its folder.
 */
export function startRun(config: Readonly<TrainConfig>, options: { overwrite?: boolean } = {}): RunHandle {
  const folder = prepareRunFolder(config, options);
  const output = openSync(join(folder, "output.txt"), "a");
  const guie = join(projectRoot(), "lib/bin/guie.js");
  const child: ChildProcess = spawn(process.execPath, [guie, "train", "--run-dir", folder], {
    cwd: projectRoot(),
    detached: true,
    stdio: ["ignore", output, output],
  });
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
export function stopRun(folder: string): void {
  if (!isUnderWay(folder))
    throw new UserError(`The run in ${folder} is not under way.`, "There is nothing to stop.");
  process.kill(Number(readFileSync(runFile(folder, "pid"), "utf8").split(" ")[0]), "SIGTERM");
}
