// Runs in a notebook: started or taken hold of, watched, stopped.
import type { RunView } from "../../runs/follow";
import * as launcher from "../../training/launcher";
import { nameOfRun } from "./named_run";
import { watchRun } from "./watch";

/** A run in a process of its own; restarting the kernel or closing the browser does not touch it. */
export interface RunHandle extends launcher.RunHandle {
  /** Shows the run in the cell's output until it ends; see `watchRun`. */
  watch(): Promise<RunView>;
}

/**
 * Starts a run (or takes it up again) in a process of its own. One that is under way or has finished with the same
 * settings and data is taken hold of, and a line says so.
 *
 *     const run = startRun(config);
 *     await run.watch();
 *
 * @throws UserError where a run of this name has other settings, or was made of other data
 * @example
 * const run = startRun(preset("demo", "frozen")); // trains in a process of its own
 */
export function startRun(...given: Parameters<typeof launcher.startRun>): RunHandle {
  const run = launcher.startRun(...given);
  if (run.note) console.log(run.note);
  return watchable(run);
}

/**
 * Takes hold of a run that was started elsewhere, by its name below checkpoints/ or its folder.
 * @example
 * const run = attachRun("demo_fine_tune");
 */
export function attachRun(nameOrPath: string): RunHandle {
  return watchable(launcher.attachRun(nameOfRun(nameOrPath, "attachRun")));
}

function watchable(run: launcher.RunHandle): RunHandle {
  return { ...run, watch: () => watchRun(run.folder) };
}
