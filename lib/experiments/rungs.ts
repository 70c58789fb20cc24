// The ladder of the notebook Inference: a person's runs above pixels and their backbone.
import { existsSync } from "node:fs";
import { UserError } from "../common/errors";
import { overrideConfig } from "../config/config";
import type { DataSettings } from "../config/data";
import type { ComparisonSettings } from "../config/parts";
import { preset } from "../config/presets";
import type { RunSettings } from "../config/run";
import { findCheckpoint, seekCheckpoint } from "../runs/checkpoint_ref";
import { listRuns, readRunConfig, runFile, runFolder } from "../runs/run_folder";
import { UNTRAINED_RUNGS } from "./ladder";

/** The runs and the data of a ladder. */
export interface RungRequest {
  /** A run's own name, or the name that Train gave its two runs (`<run>_frozen`, `<run>_fine_tune`). */
  run: string;
  /** The model to show: a run, or `RUN/best`, `RUN/epoch_3:ema`; "" for the last rung. */
  model?: string;
  /** Preset with backbone, size and data; default: those of the run. */
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
 * Returns the ladder of the existing runs; one is enough. A run stands on the run that it started from, if that one exists.
 * @throws UserError if there is none
 * @example
 * const { config, models } = rungsOf({ run: "demo" });
 */
export function rungsOf({ run, model = "", preset: presetName, dataDir }: RungRequest): Rungs {
  const names = [run, `${run}_frozen`, `${run}_fine_tune`];
  const existing = names.filter((name) => existsSync(runFile(runFolder(name), "last")));
  const chosen = model === "" ? existing : [...existing, model];
  const runs = [...new Set(chosen.flatMap((name) => [...startsOf(name), name]))];
  const [first] = chosen;
  if (first === undefined) throw noRun(names);
  const config = presetName === undefined ? configOfRun(first) : preset(presetName, "frozen");
  return {
    config: overrideConfig(config, { stage: "frozen", holdOutShare: 0, dataDir }),
    models: [...UNTRAINED_RUNGS, ...runs],
    model: model || runs.at(-1)!,
  };
}

/** Returns the models that a model started from, the first one first; without those that are gone. */
function startsOf(model: string): string[] {
  const starts: string[] = [];
  for (let start = startOf(model); start !== undefined && !starts.includes(start); start = startOf(start))
    starts.unshift(start);
  return starts;
}

function startOf(model: string): string | undefined {
  try {
    const { initFrom } = configOfRun(model);
    return initFrom !== "" && seekCheckpoint(initFrom) ? initFrom : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined; // its checkpoint is gone
    throw error;
  }
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
