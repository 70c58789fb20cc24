// What commands that score models on held-out classes have in common.
import type { Command } from "commander";
import { overrideConfig } from "../../config/config";
import { preset } from "../../config/presets";
import { MODEL_FORMS } from "../../embedding/find_model";

/** Which classes models are scored on. */
export interface HeldOutOptions {
  configName: string;
  dataDir?: string;
}

/** What MODEL may be, for help: pixels and the backbone besides what `findModel` finds. */
export const SCORED_MODELS = `pixels, backbone, or ${MODEL_FORMS}`;

/** Adds the flags that say which classes models are scored on. */
export function addHeldOutFlags(command: Command): void {
  command
    .option("--config-name <preset>", "preset that names backbone, size and data directory", "demo")
    .option("--data-dir <dir>", "folder with retrieval/queries.csv and retrieval/index.csv");
}

/** The preset's frozen stage, with the data directory that was named. */
export function heldOutConfig({ configName, dataDir }: HeldOutOptions) {
  return overrideConfig(preset(configName, "frozen"), dataDir ? { dataDir } : {});
}
