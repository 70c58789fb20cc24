// Runs in a notebook: started or attached to, watched, stopped.
import type { RunView } from "../../runs/follow";
import * as launcher from "../../training/launcher";
import { nameOfRun } from "./named_run";
import { watchRun } from "./watch";

/** A run in its own process; restarting the kernel or closing the browser does not affect it. */
export interface RunHandle extends launcher.RunHandle {
  /** Shows the run in the cell's output until it ends; see `watchRun`. */
  watch(): Promise<RunView>;
}

/**
 * Starts or resumes a run in its own process. If it is already running, or has finished with the same settings and
 * data, attaches to it and prints a line that says so.
 *
 *     const run = startRun(config);
 *     await run.watch();
 *
 * @throws UserError if a run of this name has other settings or other data
 * @example
 * const run = startRun(preset("demo", "frozen")); // trains in its own process
 */
export function startRun(...given: Parameters<typeof launcher.startRun>): RunHandle {
  const run = launcher.startRun(...given);
  if (run.note) console.log(run.note);
  return watchable(run);
}

/**
 * Attaches to a run that was started elsewhere, by its name in checkpoints/ or its folder.
 * @example
 * const run = attachRun("demo_fine_tune");
 */
export function attachRun(nameOrPath: string): RunHandle {
  return watchable(launcher.attachRun(nameOfRun(nameOrPath, "attachRun")));
}

function watchable(run: launcher.RunHandle): RunHandle {
  return { ...run, watch: () => watchRun(run.folder) };
}
