// The whole config of a training run: its settings, their checks and overrides.
import { z } from "zod";
import { nearestName, UserError } from "../common/errors";
import { AUGMENTATION, type AugmentationSettings } from "./augmentation";
import { CHECKPOINTS, type CheckpointSettings } from "./checkpoints";
import { DATA, type DataSettings } from "./data";
import { LOSS, type LossSettings } from "./loss";
import { MODEL, type ModelSettings } from "./model";
import { OLD_SETTINGS, presentNamesWithNotice } from "./old_names";
import { OPTIMISER, type OptimiserSettings } from "./optimiser";
import { PROCESSES, type ProcessSettings } from "./processes";
import { RUN, type RunSettings, SEED, type SeedSettings } from "./run";
import { SAMPLING, type SamplingSettings } from "./sampling";
import { faultText } from "./setting";
import { START, type StartSettings } from "./start";

/**
 * All settings of a training run. Names follow the original's flags (`--init-lr` is `initLr`).
 * A preset makes a config; overrides change single settings; the result is checked and frozen. Components take their
 * part of it.
 */
export interface TrainConfig
  extends RunSettings,
    DataSettings,
    SeedSettings,
    ModelSettings,
    LossSettings,
    ProcessSettings,
    OptimiserSettings,
    StartSettings,
    SamplingSettings,
    AugmentationSettings,
    CheckpointSettings {}

/** The rows of all settings, in the order in which a run's config.json has them. */
export const SETTINGS = {
  ...RUN,
  ...DATA,
  ...SEED,
  ...MODEL,
  ...LOSS,
  ...PROCESSES,
  ...OPTIMISER,
  ...START,
  ...SAMPLING,
  ...AUGMENTATION,
  ...CHECKPOINTS,
};

/** The name of a setting. */
export type SettingName = keyof TrainConfig;

/** The names of all settings. */
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** Settings of a run that override a config's; an undefined one is not set. */
export type ConfigOverrides = { [Name in SettingName]?: TrainConfig[Name] | undefined };

/** Returns one part of every row, by the setting's name. */
const columnOf = <T>(part: "schema" | "default") =>
  Object.fromEntries(SETTING_NAMES.map((name) => [name, SETTINGS[name][part]])) as T;

/** The schema of a whole config; its messages come from zod. */
const CHECKS = z.object(columnOf<Record<SettingName, z.ZodType>>("schema"));

/** All settings with the values of the preset `vit_224`. */
export const DEFAULTS: Readonly<TrainConfig> = Object.freeze(columnOf<TrainConfig>("default"));

/** Rules between settings: [true if the rule is broken, the setting to name, what is wrong]. */
const RULES: readonly [(config: TrainConfig) => boolean, SettingName, string][] = [
  [({ bestOf, emaDecay }) => bestOf === "ema" && emaDecay === 0, "bestOf", "there is no EMA (emaDecay is 0)"],
  [
    ({ bestOf, swaStartEpoch }) => bestOf === "swa" && swaStartEpoch === 0,
    "bestOf",
    "there is no SWA (swaStartEpoch is 0)",
  ],
  [({ swaStartEpoch, nEpochs }) => swaStartEpoch > nEpochs, "swaStartEpoch", "the run ends before (nEpochs)"],
  [
    ({ evalImageSize, features }) => evalImageSize > 0 && features !== "",
    "evalImageSize",
    "features of a folder are of one size: embed the queries and the index at another size, and leave this at 0",
  ],
  [
    ({ neckStart, neck }) => neckStart === "whitened" && neck !== "simple",
    "neckStart",
    'only the neck "simple" can start as a whitening',
  ],
  [
    ({ neckStart, stage }) => neckStart === "whitened" && stage === "fine_tune",
    "neckStart",
    "a fine-tuned run takes its neck from the frozen run (initFrom)",
  ],
  [
    ({ shardHead, precision }) => shardHead && precision === "float16",
    "shardHead",
    "it does not go with float16, whose loss each process would scale by itself: set precision to bfloat16",
  ],
  [
    ({ shardHead, clipNorm }) => shardHead && clipNorm > 0,
    "clipNorm",
    "the gradients of a head that processes share have no common norm: set shardHead to false",
  ],
  [
    ({ matryoshka }) => matryoshka.some((length, i) => i > 0 && length <= matryoshka[i - 1]!),
    "matryoshka",
    "the lengths must grow",
  ],
  [
    ({ matryoshka, embeddingDim }) => (matryoshka.at(-1) ?? 0) >= embeddingDim,
    "matryoshka",
    "the lengths must be below embeddingDim: the whole counts anyway",
  ],
  [
    ({ pairLoss, sampler, samplesPerClass }) =>
      pairLoss !== "none" && (sampler !== "m_per_class" || samplesPerClass < 2),
    "pairLoss",
    "its pairs are images of one class in a step, which other samplers give by chance only: set sampler to m_per_class, samplesPerClass to 2 or more",
  ],
  [
    ({ imagesFrom, sampler, dataSetSampling }) =>
      imagesFrom === "tars" && (sampler !== "shuffle" || dataSetSampling !== "rows"),
    "imagesFrom",
    "tars are read in sequence, and other orders jump between them: set sampler to shuffle and dataSetSampling to rows",
  ],
  [
    ({ pairLoss, accumulationSteps }) => pairLoss !== "none" && accumulationSteps > 1,
    "pairLoss",
    "its pairs are those of a whole step, which is not computed in pieces then: set accumulationSteps to 1",
  ],
];

/** Returns the present name of a setting. @throws UserError for an unknown name, with the nearest known one */
export function requireSetting(name: string): SettingName {
  const present = OLD_SETTINGS.get(name) ?? name;
  if ((SETTING_NAMES as string[]).includes(present)) return present as SettingName;
  const near = nearestName(name, SETTING_NAMES);
  throw new UserError(
    `There is no setting "${name}".`,
    near ? `Did you mean "${near}"?` : `Known: ${SETTING_NAMES.join(", ")}.`,
  );
}

/**
 * Returns `config` with `overrides` applied, checked and frozen. An undefined override leaves the config's value. Old
 * names are accepted; a notice tells the present ones.
 * @throws UserError for an unknown setting (with the nearest name) or an invalid value
 * @example
 * const config = overrideConfig(preset("demo", "frozen"), { nEpochs: 2 });
 */
export function overrideConfig(config: TrainConfig, overrides: ConfigOverrides = {}): Readonly<TrainConfig> {
  const named = presentNamesWithNotice(overrides);
  for (const name of Object.keys(named)) requireSetting(name);
  const set = Object.entries(named).filter(([, value]) => value !== undefined);
  const given = { ...config, ...Object.fromEntries(set) };
  const result = CHECKS.safeParse(given);
  const checked = result.data as TrainConfig | undefined;
  const issues: [setting: string, message: string][] = result.success
    ? RULES.filter(([isBroken]) => isBroken(checked!)).map(([, setting, message]) => [setting, message])
    : result.error.issues.map(({ path: [name, ...path], message }) => [
        String(name),
        faultText({ path, message }),
      ]);
  if (checked && issues.length === 0) return Object.freeze(checked);
  const faults = issues.map(
    ([name, message]) => `${name} = ${JSON.stringify(given[name as SettingName])}: ${message}`,
  );
  throw new UserError(
    `The config "${given.configName}" does not fit: ${faults.join("; ")}.`,
    "Fix these settings.",
  );
}
