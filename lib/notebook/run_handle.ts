// Runs in a notebook: started or taken hold of, watched, stopped.
import type { TrainConfig } from "../config/config";
import type { RunView } from "../training/runs/follow";
import * as launcher from "../training/runs/launcher";
import { watchRun } from "./watch";

/** A run in a process of its own; restarting the kernel or closing the browser does not touch it. */
export interface RunHandle extends launcher.RunHandle {
  /** Shows the run in the cell's output until it ends; see `watchRun`. */
  watch(): Promise<RunView>;
}

/**
 * Starts a run (or takes it up again) in a process of its own.
 *
 *     const run = startRun(config);
 *     await run.watch();
 */
export function startRun(config: Readonly<TrainConfig>, options: launcher.StartOptions = {}): RunHandle {
  return watchable(launcher.startRun(config, options));
}

/** Takes hold of a run that was started elsewhere, by its name below checkpoints/ or its folder. */
export function attachRun(nameOrPath: string): RunHandle {
  return watchable(launcher.attachRun(nameOrPath));
}

function watchable(run: launcher.RunHandle): RunHandle {
  return { ...run, watch: () => watchRun(run.folder) };
}
