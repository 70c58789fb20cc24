// The configs of the notebook Train, made from its parameters.

import { UserError } from "../../common/errors";
import { type ConfigOverrides, overrideConfig, type SettingName } from "../../config/config";
import { preset } from "../../config/presets";
import { preparedFile } from "../../pretrained/prepare_model";

/** Settings of the two stages that Train derives from its parameters `preset` and `run`. */
const DERIVED = ["configName", "stage", "runName", "initFrom"] as const satisfies SettingName[];

/**
 * The parameters of the notebook Train. An undefined one keeps the preset's value. Parameters that are not listed here
 * are settings of both stages, by their own names.
 */
export interface TrainParams extends Omit<ConfigOverrides, "frozenEpochs" | (typeof DERIVED)[number]> {
  preset: string;
  /** Name of the runs `<run>_frozen` and `<run>_fine_tune`. */
  run: string;
  /** Epochs of the frozen stage. */
  frozenEpochs?: number | undefined;
  /** Learning rate of the frozen stage. */
  frozenLr?: number | undefined;
  /** Learning rate of neck and head in fine-tuning. */
  fineTuneLr?: number | undefined;
  /** Steps per epoch of fine-tuning; 0: the whole epoch. */
  maxSteps?: number | undefined;
  /** Values that the sweep tries. */
  tryLr?: readonly number[];
  tryMargins?: readonly number[];
}

/**
 * Returns the configs of both stages: the preset, overridden by the parameters. A `tower` without `weights` uses the
 * file that `prepareModel` writes.
 * @throws UserError for an unknown preset or parameter, or a value that does not fit
 * @example
 * const { frozen, fineTune } = trainConfigs(p);
 */
export function trainConfigs(p: TrainParams) {
  const given = DERIVED.filter((setting) => setting in p);
  if (given.length > 0) {
    throw new UserError(
      `Train sets ${given.join(", ")} itself, for each of its two stages.`,
      "Leave them out of the parameters: `preset` and `run` determine them.",
    );
  }
  const { preset: name, run, frozenEpochs, frozenLr, fineTuneLr, maxSteps, ...others } = p;
  const { tryLr: _tryLr, tryMargins: _tryMargins, backboneLrFactor, ...settings } = others;
  const both = {
    ...settings,
    weights: settings.weights ?? (settings.tower === undefined ? undefined : preparedFile(settings.tower)),
  };
  const frozen = overrideConfig(preset(name, "frozen"), {
    ...both,
    runName: `${run}_frozen`,
    nEpochs: frozenEpochs ?? settings.nEpochs,
    initLr: frozenLr ?? settings.initLr,
  });
  const fineTune = overrideConfig(preset(name, "fine_tune"), {
    ...both,
    runName: `${run}_fine_tune`,
    initFrom: frozen.runName,
    initLr: fineTuneLr ?? settings.initLr,
    backboneLrFactor,
    maxStepsPerEpoch: maxSteps ?? settings.maxStepsPerEpoch,
  });
  return { frozen, fineTune };
}
