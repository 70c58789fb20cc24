// Flags for the settings of a run, the same for every command that takes them.
import { type Command, Option } from "commander";
import { z } from "zod";
import { messageOf, UserError } from "../../common/errors";
import { readJson } from "../../common/files/files";
import { noticeOnce } from "../../common/notice";
import {
  type ConfigOverrides,
  DEFAULTS,
  overrideConfig,
  requireSetting,
  type SettingName,
  type TrainConfig,
} from "../../config/config";
import { OLD_SETTINGS, presentNamesWithNotice, withPresentNames } from "../../config/old_names";
import { PRESET_NAMES, preset } from "../../config/presets";
import { type PlaceSettings, processCount } from "../../config/processes";
import type { Stage } from "../../config/run";
import { settingDocs } from "../../config/setting_docs";
import { stagesOf } from "../../config/stage_settings";
import { numberOf, numbersOf } from "./numbers";

type Flag = readonly [flags: string, setting: SettingName];

/** Flags that set one field of the config each; many are the original's own. */
const FLAGS: readonly Flag[] = [
  ["--csv-dir <file>", "csv"],
  ["--image-size <px>", "imageSize"],
  ["--eval-image-size <px>", "evalImageSize"],
  ["--resize-mode <mode>", "resizeMode"],
  ["--batch-size <n>", "batchSize"],
  ["--processes <n>", "processes"],
  ["--gpus <list>", "gpus"],
  ["--bucket-mb <n>", "bucketMB"],
  ["--gradient-dtype <dtype>", "gradientDtype"],
  ["--class-share <x>", "classShare"],
  ["--accumulation-steps <n>", "accumulationSteps"],
  ["--precision <dtype>", "precision"],
  ["--num-workers <n>", "numWorkers"],
  ["--init-lr <rate>", "initLr"],
  ["--n-epochs <n>", "nEpochs"],
  ["--cpkt_epoch <n>", "cpktEpoch"],
  ["--keep-every-steps <n>", "keepEverySteps"],
  ["--keep-checkpoints <n>", "keepCheckpoints"],
  ["--best-by <score>", "bestBy"],
  ["--n_batch_log <n>", "nBatchLog"],
  ["--warm_up_epochs <n>", "warmUpEpochs"],
  ["--fold <n>", "fold"],
  ["--seed <n>", "seed"],
  ["--features <folder>", "features"],
  ["--data-dir <dir>", "dataDir"],
  ["--run-name <name>", "runName"],
  ["--init-from <run>", "initFrom"],
  ["--tower <name>", "tower"],
  ["--last-blocks <n>", "lastBlocks"],
  ["--patch-pooling <kind>", "patchPooling"],
  ["--weights <file>", "weights"],
  ["--backbone-lr-factor <x>", "backboneLrFactor"],
  ["--max-steps-per-epoch <n>", "maxStepsPerEpoch"],
  ["--s <s>", "s"],
  ["--margin <m>", "margin"],
  ["--augmentation <recipe>", "augmentation"],
];

/** Flags without a value that turn a setting on. */
const SWITCHES: readonly Flag[] = [
  ["--shard-head", "shardHead"],
  ["--reinit-head", "reinitHead"],
  ["--gradient-checkpointing", "gradientCheckpointing"],
];

/** Old names of settings whose flag had no value. */
const OLD_SWITCHES = ["patchMean"];

/** Hidden flags with the old names of settings; using one prints the current name. */
const OLD_FLAGS: readonly Flag[] = [...OLD_SETTINGS].map(([old, setting]) => {
  const dashed = old.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return [`--${dashed}${OLD_SWITCHES.includes(old) ? "" : " <value>"}`, requireSetting(setting)];
});

/** Parsed flags of a command. */
export interface ConfigOptions extends Record<string, unknown> {
  configName?: string;
  stage?: Stage;
  config?: string;
  /** Entries `name=value`. */
  set?: string[];
}

const DEFAULT_PRESET = "demo";

/** Settings with their own flag. */
export const FLAGGED: readonly SettingName[] = [...FLAGS, ...SWITCHES].map(([, setting]) => setting);

/** Adds a setting's flag to a command. @returns the flag's long name */
export function addConfigFlag(command: Command, wanted: SettingName): string {
  const [flags] = [...FLAGS, ...SWITCHES].find(([, setting]) => setting === wanted)!;
  command.option(flags, helpOf(wanted));
  for (const [oldFlags, setting] of OLD_FLAGS)
    if (setting === wanted) command.addOption(new Option(oldFlags).hideHelp());
  return flags.split(" ")[0]!;
}

/** Returns a setting's meaning as help text. */
function helpOf(setting: SettingName): string {
  const plain = settingDocs().get(setting)!.replaceAll("`", "").replace(/\.$/, "");
  return plain.replace(/^[A-Z](?![A-Z])/, (letter) => letter.toLowerCase());
}

/** Adds --config-name, --config, --set and a flag per setting. @returns the long names of all flags */
export function addConfigFlags(command: Command, settings = FLAGGED): string[] {
  command
    .option("--config-name <preset>", `preset: ${PRESET_NAMES.join(", ")} (default: ${DEFAULT_PRESET})`)
    .option("--config <file>", "JSON file with settings that override the preset's")
    .option(
      "--set <name=value>",
      "any setting of docs/reference/presets.md; may be repeated",
      (text: string, before: string[] = []) => [...before, text],
    );
  return [
    "--config-name",
    "--config",
    "--set",
    ...settings.map((setting) => addConfigFlag(command, setting)),
  ];
}

/** Returns the config: the preset, overridden by the JSON file, overridden by the flags. */
export function configOf(options: ConfigOptions): Readonly<TrainConfig> {
  const fromFile = options.config ? readSettings(options.config) : {};
  const fromFlags = flagOverrides(options);
  const name = options.configName ?? fromFlags.configName ?? fromFile.configName ?? DEFAULT_PRESET;
  const base = preset(name, options.stage ?? fromFlags.stage ?? fromFile.stage);
  const { configName, stage } = base;
  return overrideConfig(overrideConfig(base, fromFile), { ...fromFlags, configName, stage });
}

/** Settings that not every run of their stage uses: [setting, predicate on the config, flag that makes it useful]. */
const USES: readonly [SettingName, (config: TrainConfig) => boolean, string][] = [
  ["loraAlpha", ({ loraRank }) => loraRank > 0, "--set loraRank=8"],
  ["reinitHead", ({ initFrom }) => initFrom !== "", "--init-from"],
  ["classShare", ({ shardHead }) => shardHead, "--shard-head"],
  ["bucketMB", isDistributed, "--processes 2"],
  ["gradientDtype", isDistributed, "--processes 2"],
  ["shardHead", isDistributed, "--processes 2"],
];

/** Returns whether several processes train: by the config, or by a launcher that sets TF_CONFIG. */
function isDistributed(config: PlaceSettings): boolean {
  return processCount(config) > 1 || process.env.TF_CONFIG !== undefined;
}

/**
 * Refuses flags for settings that no run of these stages uses.
 * @throws UserError naming the flag that makes them useful
 */
export function refuseUselessSettings(options: ConfigOptions, stages: readonly (Stage | undefined)[]): void {
  const given = flagOverrides(options);
  const configs = stages.map((stage) => configOf({ ...options, stage: stage ?? options.stage }));
  const refuse = (setting: SettingName, partner: string) => {
    throw new UserError(
      `${flagOf(setting)}: of no use without ${partner}.`,
      `Leave it out, or add ${partner}.`,
    );
  };
  for (const setting of Object.keys(given) as SettingName[]) {
    const users = stagesOf(setting);
    if (!configs.some(({ stage }) => users.includes(stage))) refuse(setting, `--stage ${users[0]}`);
  }
  for (const [setting, isUsed, partner] of USES)
    if (setting in given && !configs.some(isUsed)) refuse(setting, partner);
}

/** Returns the flag of a setting: its own, or `--set NAME`. */
export function flagOf(setting: SettingName): string {
  const flag = [...FLAGS, ...SWITCHES].find(([, name]) => name === setting)?.[0].split(" ")[0];
  return flag ?? `--set ${setting}`;
}

function readSettings(path: string): ConfigOverrides {
  const example = 'Give a JSON file of settings, for example {"initLr": 0.001, "nEpochs": 2}.';
  return readJson(path, z.record(z.string(), z.unknown()), example);
}

/** Returns the settings given by flags. @throws UserError if one is given twice or unknown */
export function flagOverrides(options: ConfigOptions): ConfigOverrides {
  const overrides = new Map<string, Value>();
  const put = (setting: string, value: Value) => {
    if (overrides.has(setting))
      throw new UserError(`The setting ${setting} is given twice.`, "Give it once.");
    overrides.set(setting, value);
  };
  for (const [flags, setting] of SWITCHES) {
    if (options[new Option(flags).attributeName()]) put(setting, true);
  }
  for (const [flags, setting] of FLAGS) {
    const text = options[new Option(flags).attributeName()] as string | undefined;
    if (text !== undefined) put(setting, settingOf(flags.split(" ")[0]!, setting, text));
  }
  for (const [flags, setting] of OLD_FLAGS) {
    const text = options[new Option(flags).attributeName()] as string | true | undefined;
    if (text === undefined) continue;
    const oldFlag = flags.split(" ")[0]!;
    const value = text === true ? presentValue(setting, text) : settingOf(oldFlag, setting, text);
    const now = text === true ? `${flagOf(setting)} ${value}` : flagOf(setting);
    noticeOnce(`guie: ${oldFlag} is called ${now} now.`);
    put(setting, value);
  }
  for (const text of options.set ?? []) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (name === undefined)
      throw new UserError(`--set takes name=value, got "${text}".`, "For example --set initLr=0.001");
    const typed = settingOf(`--set ${name}`, requireSetting(name), value!);
    for (const [setting, present] of Object.entries(presentNamesWithNotice({ [name]: typed })))
      put(setting, present as Value);
  }
  return Object.fromEntries(overrides);
}

function presentValue(setting: SettingName, old: boolean): Value {
  return withPresentNames({ [setting]: old }).settings[setting] as Value;
}

type Value = string | number | boolean | readonly unknown[];

/** Parses a setting's value; the type is that of its default. */
function settingOf(flag: string, setting: SettingName, text: string): Value {
  const sample = DEFAULTS[setting];
  if (Array.isArray(sample)) return numbersOf(flag, text);
  if (setting === "augmentation" && text.startsWith("[")) return listOf(flag, text);
  if (typeof sample === "boolean") return switchOf(flag, text);
  return typeof sample === "number" ? numberOf(flag, text) : text;
}

function listOf(flag: string, text: string): readonly unknown[] {
  try {
    return z.array(z.unknown()).parse(JSON.parse(text));
  } catch (error) {
    throw new UserError(
      `${flag}: the list is no JSON: ${messageOf(error)}.`,
      `In a shell, put it between single quotes: '[{"name": "HorizontalFlip", "probability": 0.5}]'`,
      { cause: error },
    );
  }
}

function switchOf(flag: string, text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new UserError(`${flag} takes true or false, got "${text}".`);
}
