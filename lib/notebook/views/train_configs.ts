// The configs of the notebook Train, made from its parameters.

import { UserError } from "../../common/errors";
import { type ConfigOverrides, overrideConfig, type SettingName } from "../../config/config";
import { preset } from "../../config/presets";
import { preparedFile } from "../../pretrained/prepare_model";

/** Settings that the two stages of Train have from its parameters `preset` and `run`. */
const OWN = ["configName", "stage", "runName", "initFrom"] as const satisfies SettingName[];

/**
 * The parameters of the notebook Train. One that is undefined stays the preset's. Others than these are settings of
 * both stages, under their own names.
 */
export interface TrainParams extends Omit<ConfigOverrides, "frozenEpochs" | (typeof OWN)[number]> {
  preset: string;
  /** The runs are called `<run>_frozen` and `<run>_fine_tune`. */
  run: string;
  /** Epochs of the frozen stage. */
  frozenEpochs?: number | undefined;
  /** Learning rate of the frozen stage. */
  frozenLr?: number | undefined;
  /** Learning rate of neck and head in fine-tuning. */
  fineTuneLr?: number | undefined;
  /** Steps of an epoch of fine-tuning; 0: the whole epoch. */
  maxSteps?: number | undefined;
  /** What the sweep tries. */
  tryLr?: readonly number[];
  tryMargins?: readonly number[];
}

/**
 * The configs of both stages: the preset, with what the parameters set. A `tower` without `weights` takes the file that
 * `prepareModel` writes.
 * @throws UserError for an unknown preset or parameter, or a value that does not fit
 * @example
 * const { frozen, fineTune } = trainConfigs(p);
 */
export function trainConfigs(p: TrainParams) {
  const own = OWN.filter((setting) => setting in p);
  if (own.length > 0) {
    throw new UserError(
      `Train sets ${own.join(", ")} itself, for each of its two stages.`,
      "Leave it out of the parameters: `preset` and `run` decide it.",
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
