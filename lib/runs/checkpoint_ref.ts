// References to checkpoints, as a person writes them: on the command line, in `initFrom`, in a notebook.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { nearestName, UserError } from "../common/errors";
import { projectPath } from "../common/project";
import { WEIGHT_KINDS, type WeightKind } from "../model/weight_names";
import { checkpointFile, listCheckpoints } from "./kept_checkpoints";
import { listRuns, RUN_FILES, runFile, runFolder } from "./run_folder";

/** A checkpoint of a run, and the kind of its weights. */
export interface CheckpointRef {
  /** The run's folder; its config.json describes the weights. */
  folder: string;
  path: string;
  kind: WeightKind;
}

/**
 * Finds the checkpoint for `RUN` (its last one), `RUN/best`, `RUN/epoch_3`, `RUN/step_400`, or the path of a
 * .safetensors file in a run's folder; RUN is a name below checkpoints/ or a folder. The ending `:ema` or `:swa`
 * selects that average of the weights.
 * @throws UserError if it is not found; the message lists what exists
 * @example
 * findCheckpoint("demo_fine_tune/best:ema").path
 */
export function findCheckpoint(reference: string): CheckpointRef {
  return seekCheckpoint(reference) ?? refuse(reference);
}

/**
 * Finds a checkpoint as `findCheckpoint` does.
 * @returns undefined if the text names no run
 * @throws UserError if the run has no such checkpoint
 */
export function seekCheckpoint(reference: string): CheckpointRef | undefined {
  const [, place = reference, kind = "raw"] = ENDING.exec(reference) ?? [];
  const found = locate(place);
  if (!found) return undefined;
  const { folder, path } = found;
  if (existsSync(path)) return { folder, path, kind: kind as WeightKind };
  throw new UserError(
    `${reference}: expected a checkpoint at ${path}: there is none. The run has: ${listCheckpoints(folder).join(", ") || "none"}.`,
    "Name one of these, or train the run: npx guie train --help",
  );
}

const ENDING = new RegExp(`^(.+?)(?::(${WEIGHT_KINDS.join("|")}))?$`);

function locate(place: string): Omit<CheckpointRef, "kind"> | undefined {
  if (place.endsWith(".safetensors")) {
    const path = projectPath(place);
    return isRun(dirname(path)) ? { folder: dirname(path), path } : undefined;
  }
  const folder = runFolder(place);
  if (isRun(folder)) return { folder, path: runFile(folder, "last") };
  const slash = place.lastIndexOf("/");
  const above = runFolder(place.slice(0, Math.max(0, slash)) || ".");
  return slash > 0 && isRun(above)
    ? { folder: above, path: checkpointFile(above, place.slice(slash + 1)) }
    : undefined;
}

function isRun(folder: string): boolean {
  return existsSync(join(folder, RUN_FILES.config));
}

function refuse(reference: string): never {
  const near = nearestName(reference, listRuns());
  const hint = near ? `Did you mean "${near}"? ` : "";
  throw new UserError(
    `Expected a checkpoint of a run, got "${reference}": there is no such run. There are: ${listRuns().join(", ") || "none"}.`,
    `${hint}Give RUN, RUN/best, RUN/epoch_3 or a .safetensors file next to a config.json; append :ema or :swa for an average.`,
  );
}
