// What the notebook Inference compares: a person's runs, above pixels and their backbone.
import { existsSync } from "node:fs";
import { UserError } from "../common/errors";
import { overrideConfig } from "../config/config";
import type { DataSettings } from "../config/data";
import type { ComparisonSettings } from "../config/parts";
import { preset } from "../config/presets";
import type { RunSettings } from "../config/run";
import { findCheckpoint } from "../runs/checkpoint_ref";
import { listRuns, readRunConfig, runFile, runFolder } from "../runs/run_folder";

/** Which runs are looked at, and on which data. */
export interface RungRequest {
  /** The name that Train gave its two runs (`<run>_frozen`, `<run>_fine_tune`), or a run's own. */
  run: string;
  /** What is looked at: a run, or `RUN/best`, `RUN/epoch_3:ema`; "" for the last rung. */
  model?: string;
  /** Preset that names backbone, size and data; unless told, they are those of the first run. */
  preset?: string | undefined;
  /** Unless told, the folder that the config names. */
  dataDir?: string | undefined;
}

/** A ladder of models, each to be held against the one before it. */
export interface Rungs {
  /** Backbone, size and data of the first two rungs. */
  config: Readonly<ComparisonSettings & RunSettings & DataSettings>;
  /** `pixels`, `backbone`, then the runs that are there. */
  models: string[];
  /** The one that is looked at. */
  model: string;
}

/**
 * The ladder of the runs that are there: one is enough.
 * @throws UserError where there is none
 * @example
 * const { config, models } = rungsOf({ run: "demo" });
 */
export function rungsOf({ run, model = "", preset: presetName, dataDir }: RungRequest): Rungs {
  const names = [run, `${run}_frozen`, `${run}_fine_tune`];
  const there = names.filter((name) => existsSync(runFile(runFolder(name), "last")));
  const runs = [...new Set(model === "" ? there : [...there, model])];
  const [first] = runs;
  if (first === undefined) throw noRun(names);
  const own = presetName === undefined ? configOfRun(first) : preset(presetName, "frozen");
  return {
    config: overrideConfig(own, { stage: "frozen", holdOutShare: 0, dataDir }),
    models: ["pixels", "backbone", ...runs],
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
