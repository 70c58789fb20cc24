// Flags and config of commands that score models on held-out classes.
import type { Command } from "commander";
import { overrideConfig } from "../../config/config";
import { preset } from "../../config/presets";
import { MODEL_FORMS } from "../../embedding/find_model";
import { UNTRAINED_RUNGS } from "../../experiments/ladder";

/** Options that choose the held-out classes. */
export interface HeldOutOptions {
  configName: string;
  dataDir?: string;
}

/** Help text for MODEL: a rung below the runs, or a model that `findModel` finds. */
export const SCORED_MODELS = `${UNTRAINED_RUNGS.join(", ")}, or ${MODEL_FORMS}`;

/** Adds the flags that choose the held-out classes. @param several of several data directories */
export function addHeldOutFlags(command: Command, several = false): void {
  const what = "with retrieval/queries.csv and retrieval/index.csv";
  command.option("--config-name <preset>", "preset of the backbone, image size and data directory", "demo");
  if (several) command.option("--data-dir <dir...>", `folders ${what}, after the models`);
  else command.option("--data-dir <dir>", `folder ${what}`);
}

/** Returns the preset's frozen stage, with the given data directory. */
export function heldOutConfig({ configName, dataDir }: HeldOutOptions) {
  return overrideConfig(preset(configName, "frozen"), dataDir ? { dataDir } : {});
}
