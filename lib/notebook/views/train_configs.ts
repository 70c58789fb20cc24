// The configs of the notebook Train, made from its parameters.

import { UserError } from "../../common/errors";
import { type ConfigOverrides, overrideConfig, requireSetting, type SettingName } from "../../config/config";
import { preset } from "../../config/presets";
import type { Stage } from "../../config/run";
import { nameOfChanges } from "../../config/run_name";
import { preparedFile } from "../../pretrained/prepare_model";
import { differ } from "./training_views";

/** Settings of the two stages that Train derives from its parameters `preset` and `run`. */
const DERIVED = ["configName", "stage", "runName", "initFrom"] as const satisfies SettingName[];

/** Settings that a person may override in Train. */
export type TrainOverrides = Omit<ConfigOverrides, (typeof DERIVED)[number]>;

/** The parameters of the notebook Train that make its configs. */
export interface TrainParams {
  preset: string;
  /** Settings of both stages that are not the preset's: `{ margin: 0.2 }`. */
  overrides?: TrainOverrides;
  /** Settings of the frozen stage alone. */
  frozen?: TrainOverrides;
  /** Settings of fine-tuning alone. */
  fineTune?: TrainOverrides;
  /**
   * Name of the runs `<run>_frozen` and `<run>_fine_tune`; default: each is called after the preset and what differs,
   * `demo_margin0.2_frozen`. The frozen run is the same one for all settings of fine-tuning.
   */
  run?: string | undefined;
}

/**
 * Returns the configs of both stages: the preset as it is, with the overrides. Fine-tuning starts from the frozen run if
 * the preset's does, else from the pretrained tower. A `tower` without `weights` uses the file that `prepareModel` writes.
 * @throws UserError for an unknown preset or setting, or a value that does not fit
 * @example
 * const { frozen, fineTune } = trainConfigs({ preset: "demo", overrides: { margin: 0.2 } });
 */
export function trainConfigs(p: TrainParams) {
  const { preset: name, overrides = {}, run = nameOfRuns(p) } = p;
  const both = checked(overrides);
  const frozen = overrideConfig(preset(name, "frozen"), {
    ...both,
    ...checked(p.frozen ?? {}),
    runName: `${p.run ?? nameOfFrozen(p)}_frozen`,
  });
  const tuned = preset(name, "fine_tune");
  const fineTune = overrideConfig(tuned, {
    ...both,
    ...checked(p.fineTune ?? {}),
    runName: `${run}_fine_tune`,
    initFrom: tuned.initFrom && frozen.runName,
  });
  return { frozen, fineTune, run };
}

/** Returns the name of a frozen run that a person has not named: the preset's, and what differs from its frozen stage. */
function nameOfFrozen({ preset: name, overrides = {}, frozen = {} }: TrainParams): string {
  return nameOfChanges(name, changesOf({ ...overrides, ...frozen }, [preset(name, "frozen")]));
}

/** Returns the name of runs that a person has not named: the preset's, and what differs from it in both stages. */
function nameOfRuns({ preset: name, overrides = {}, frozen = {}, fineTune = {} }: TrainParams): string {
  const both = changesOf(overrides, [preset(name, "frozen"), preset(name, "fine_tune")]);
  const ofStage = (stage: Stage, settings: TrainOverrides) =>
    Object.fromEntries(
      Object.entries(changesOf(settings, [{ ...preset(name, stage), ...overrides }])).map(
        ([setting, value]) => [`${stage === "frozen" ? "frozen" : "fineTune"}.${setting}`, value],
      ),
    );
  return nameOfChanges(name, { ...both, ...ofStage("frozen", frozen), ...ofStage("fine_tune", fineTune) });
}

/** Returns the overrides that differ from a preset's value in one of the configs. */
function changesOf(overrides: TrainOverrides, presets: readonly ConfigOverrides[]) {
  const present = Object.entries(overrides).map(([name, value]) => [requireSetting(name), value] as const);
  return Object.fromEntries(
    present.filter(
      ([name, value]) => value !== undefined && presets.some((config) => differ([config[name], value])),
    ),
  );
}

/** Refuses settings that Train makes itself; adds the weights of a tower. */
function checked(overrides: TrainOverrides): ConfigOverrides {
  const given = DERIVED.filter((setting) => setting in overrides);
  if (given.length > 0) {
    throw new UserError(
      `Train sets ${given.join(", ")} itself, for each of its two stages.`,
      "Leave them out of the overrides: `preset` and `run` determine them.",
    );
  }
  const { tower, weights } = overrides;
  return tower === undefined || weights !== undefined
    ? overrides
    : { ...overrides, weights: preparedFile(tower) };
}
