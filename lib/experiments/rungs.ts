// The ladder of the notebook Inference: a person's runs above pixels and their backbone.
import { existsSync } from "node:fs";
import { UserError } from "../common/errors";
import { overrideConfig } from "../config/config";
import type { DataSettings } from "../config/data";
import type { ComparisonSettings } from "../config/parts";
import { preset } from "../config/presets";
import type { RunSettings } from "../config/run";
import { findCheckpoint } from "../runs/checkpoint_ref";
import { listRuns, readRunConfig, runFile, runFolder } from "../runs/run_folder";
import { UNTRAINED_RUNGS } from "./ladder";

/** The runs and the data of a ladder. */
export interface RungRequest {
  /** The name that Train gave its two runs (`<run>_frozen`, `<run>_fine_tune`), or a run's own. */
  run: string;
  /** The model to show: a run, or `RUN/best`, `RUN/epoch_3:ema`; "" for the last rung. */
  model?: string;
  /** Preset with backbone, size and data; default: those of the first run. */
  preset?: string | undefined;
  /** Data directory; default: the config's. */
  dataDir?: string | undefined;
}

/** A ladder of models, each compared with the one before it. */
export interface Rungs {
  /** Backbone, size and data of the first two rungs. */
  config: Readonly<ComparisonSettings & RunSettings & DataSettings>;
  /** `pixels`, `backbone`, `whitened`, `lda`, then the existing runs. */
  models: string[];
  /** The model to show. */
  model: string;
}

/**
 * Returns the ladder of the existing runs; one is enough.
 * @throws UserError if there is none
 * @example
 * const { config, models } = rungsOf({ run: "demo" });
 */
export function rungsOf({ run, model = "", preset: presetName, dataDir }: RungRequest): Rungs {
  const names = [run, `${run}_frozen`, `${run}_fine_tune`];
  const existing = names.filter((name) => existsSync(runFile(runFolder(name), "last")));
  const runs = [...new Set(model === "" ? existing : [...existing, model])];
  const [first] = runs;
  if (first === undefined) throw noRun(names);
  const config = presetName === undefined ? configOfRun(first) : preset(presetName, "frozen");
  return {
    config: overrideConfig(config, { stage: "frozen", holdOutShare: 0, dataDir }),
    models: [...UNTRAINED_RUNGS, ...runs],
    model: model || runs.at(-1)!,
  };
}

function configOfRun(model: string) {
  return readRunConfig(findCheckpoint(model).folder);
}

function noRun(names: readonly string[]): UserError {
  const runs = listRuns().filter((name) => existsSync(runFile(runFolder(name), "last")));
  return new UserError(
    `There is no trained run ${names.join(", ")} below checkpoints/.`,
    runs.length > 0 ? `Name one of these as \`run\`: ${runs.join(", ")}.` : "The notebook Train makes one.",
  );
}
