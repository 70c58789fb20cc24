// Begins a run: claims its folder, checks its inputs, prepares the folder.
import { existsSync } from "node:fs";
import { UserError } from "../common/errors";
import type { Claim } from "../common/files/claim";
import type { TrainConfig } from "../config/config";
import type { ModelSettings } from "../config/model";
import type { FirstWeightSettings } from "../config/parts";
import { featuresPath, tablePath } from "../config/paths";
import { findTower } from "../model/towers";
import { runFile, runFolder } from "../runs/run_folder";
import { claimRunFolder, prepareRunFolder } from "../runs/start_folder";
import { towerStartWeights } from "./start_weights";

/** A run with a prepared folder, owned by this process. */
export interface BegunRun {
  folder: string;
  claim: Claim;
}

/**
 * Claims a run's folder and prepares it.
 * @param options.overwrite replace a run of this name: it is set aside after a check that the config's inputs exist
 * @param options.advice what to do about another run of this name, in the caller's words
 * @throws UserError as `prepareRunFolder`; if another process trains the run; if an input is missing
 */
export function beginRun(
  config: Readonly<TrainConfig>,
  { overwrite = false, advice }: { overwrite?: boolean | undefined; advice?: string } = {},
): BegunRun {
  const folder = runFolder(config.runName);
  const claim = claimRunFolder(folder);
  try {
    if (overwrite && existsSync(runFile(folder, "config"))) requireInputs(config);
    return { folder: prepareRunFolder(config, { overwrite, advice }), claim };
  } catch (error) {
    claim.release();
    throw error;
  }
}

/** @throws UserError if a table, features or weights that a config names are missing */
function requireInputs(config: FirstWeightSettings & Pick<ModelSettings, "tower">): void {
  const [path, next] = config.features
    ? [featuresPath(config), "npx guie embed --help"]
    : [tablePath(config), "npx guie merge makes it; or name other data in the settings: dataDir"];
  if (!existsSync(path)) throw new UserError(`Expected ${path}: there is none.`, next);
  if (config.weights !== "random" && !config.features)
    towerStartWeights(config, findTower(config.tower)).close();
}
