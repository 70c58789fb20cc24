// Flags that stand for settings of a run, the same for every command that takes them.
import { type Command, Option } from "commander";
import { z } from "zod";
import { UserError } from "../../common/errors";
import { readJson } from "../../common/files/files";
import {
  type ConfigOverrides,
  overrideConfig,
  processCount,
  requireSetting,
  type TrainConfig,
} from "../../config/config";
import { PRESET_NAMES, preset, vit224 } from "../../config/presets";
import { numberOf } from "./numbers";

type Flag = [flags: string, setting: keyof TrainConfig, description: string];

/** Flags that set one field of the config each; most of the first are the original's own. */
const FLAGS: readonly Flag[] = [
  ["--csv-dir <file>", "csv", "training table below the data directory"],
  ["--image-size <px>", "imageSize", "side of the input"],
  ["--batch-size <n>", "batchSize", "images a step, in each process"],
  ["--workers <n>", "workers", "processes that train together on this host's CPU"],
  ["--gpus <list>", "gpus", "GPUs of this host that train together, a process each: 0,1,2"],
  ["--bucket-mb <n>", "bucketMB", "gradients go to the other processes in buckets of this size"],
  ["--gradient-dtype <dtype>", "gradientDtype", "and in this dtype: float32 or bfloat16"],
  ["--class-share <x>", "classShare", "with --shard-head: share of the classes in a step's softmax"],
  ["--accumulation-steps <n>", "accumulationSteps", "pieces in which a batch goes through"],
  ["--precision <dtype>", "precision", "matrix products in float32, bfloat16 or float16"],
  ["--num-workers <n>", "numWorkers", "threads that read, decode and augment images"],
  ["--init-lr <rate>", "initLr", "learning rate of neck and head"],
  ["--n-epochs <n>", "nEpochs", "epochs"],
  ["--cpkt_epoch <n>", "cpktEpoch", "keep a checkpoint every n epochs"],
  ["--keep-every-steps <n>", "keepEverySteps", "keep a checkpoint step_N every n steps; 0 = none"],
  ["--keep-checkpoints <n>", "keepCheckpoints", "so many epoch_N and step_N stay, the newest; 0 = all"],
  ["--best-by <score>", "bestBy", "what chooses the checkpoint best: mp5 or top1"],
  ["--n_batch_log <n>", "nBatchLog", "a log line every n steps"],
  ["--warm_up_epochs <n>", "warmUpEpochs", "epochs of linear warm-up"],
  ["--fold <n>", "fold", "the fold that validates"],
  ["--seed <n>", "seed", "seed of everything random"],
  ["--features <folder>", "features", "frozen stage: train on these features (guie embed --out)"],
  ["--data-dir <dir>", "dataDir", "folder with the pipeline's files"],
  ["--run-name <name>", "runName", "name of the folder below checkpoints/"],
  ["--init-from <run>", "initFrom", "run (or RUN/best, RUN/epoch_3:ema) whose weights are the start"],
  ["--tower <name>", "tower", "the Vision Transformer"],
  ["--last-blocks <n>", "lastBlocks", "blocks whose features stand side by side"],
  ["--weights <file>", "weights", "safetensors file of the backbone"],
  ["--backbone-lr-factor <x>", "backboneLrFactor", "backbone's learning rate / init-lr"],
  ["--max-steps-per-epoch <n>", "maxStepsPerEpoch", "shorter epochs; 0 = whole ones"],
  ["--s <s>", "s", "ArcFace's scale"],
  ["--margin <m>", "margin", "ArcFace's first margin, radians"],
];

/** Flags without a value, which turn a setting on. */
const SWITCHES: readonly Flag[] = [
  ["--patch-mean", "patchMean", "add the mean of the last block's patch tokens to the features"],
  ["--shard-head", "shardHead", "each process holds the head's rows of its share of the classes"],
  ["--reinit-head", "reinitHead", "a fresh head, for other classes than those of the run before"],
  ["--gradient-checkpointing", "gradientCheckpointing", "compute blocks twice and keep less in memory"],
];

/** What a command has of them. */
export interface ConfigOptions extends Record<string, unknown> {
  configName?: string;
  stage?: TrainConfig["stage"];
  config?: string;
  /** `name=value` each. */
  set?: string[];
}

const DEFAULT_PRESET = "demo";

/** The settings that have a flag. */
export const FLAGGED: readonly (keyof TrainConfig)[] = [...FLAGS, ...SWITCHES].map(([, setting]) => setting);

/** Adds the flag of a setting. @returns its long name */
export function addConfigFlag(command: Command, wanted: keyof TrainConfig): string {
  const [flags, , description] = [...FLAGS, ...SWITCHES].find(([, setting]) => setting === wanted)!;
  command.option(flags, description);
  return flags.split(" ")[0]!;
}

/** Adds --config-name, --config, --set and a flag for each of `settings`. @returns the long names of all of them */
export function addConfigFlags(command: Command, settings = FLAGGED): string[] {
  command
    .option("--config-name <preset>", `preset: ${PRESET_NAMES.join(", ")} (default: ${DEFAULT_PRESET})`)
    .option("--config <file>", "JSON file with settings that override the preset's")
    .option(
      "--set <name=value>",
      "any setting of docs/presets.md, by its name; may be given several times",
      (text: string, before: string[] = []) => [...before, text],
    );
  return [
    "--config-name",
    "--config",
    "--set",
    ...settings.map((setting) => addConfigFlag(command, setting)),
  ];
}

/** The preset, then the JSON file, then the flags. */
export function configOf(options: ConfigOptions): Readonly<TrainConfig> {
  const fromFile = options.config ? readSettings(options.config) : {};
  const fromFlags = flagOverrides(options);
  const name = options.configName ?? fromFlags.configName ?? fromFile.configName ?? DEFAULT_PRESET;
  const base = preset(name, options.stage ?? fromFlags.stage ?? fromFile.stage);
  const { configName, stage } = base;
  return overrideConfig(overrideConfig(base, fromFile), { ...fromFlags, configName, stage });
}

/** Settings that not every run looks at: [setting, whether a run does, what it goes with]. */
const USES: readonly [keyof TrainConfig, (config: TrainConfig) => boolean, string][] = [
  ["backboneLrFactor", ({ stage }) => stage === "fine_tune", "--stage fine_tune"],
  ["gradientCheckpointing", ({ stage }) => stage === "fine_tune", "--stage fine_tune"],
  ["trainedBlocks", ({ stage }) => stage === "fine_tune", "--stage fine_tune"],
  ["frozenEpochs", ({ stage }) => stage === "fine_tune", "--stage fine_tune"],
  ["features", ({ stage }) => stage === "frozen", "--stage frozen"],
  ["reinitHead", ({ initFrom }) => initFrom !== "", "--init-from"],
  ["classShare", ({ shardHead }) => shardHead, "--shard-head"],
  ["bucketMB", isDistributed, "--workers 2"],
  ["gradientDtype", isDistributed, "--workers 2"],
  ["shardHead", isDistributed, "--workers 2"],
];

/** Several processes: by the config, or by a launcher that sets TF_CONFIG. */
function isDistributed(config: TrainConfig): boolean {
  return processCount(config) > 1 || process.env.TF_CONFIG !== undefined;
}

/**
 * Refuses flags for settings at which no run of these stages looks.
 * @throws UserError naming what they go with
 */
export function refuseUselessSettings(
  options: ConfigOptions,
  stages: readonly (TrainConfig["stage"] | undefined)[],
): void {
  const given = flagOverrides(options);
  const configs = stages.map((stage) => configOf({ ...options, stage: stage ?? options.stage }));
  for (const [setting, isUsed, partner] of USES) {
    if (!(setting in given) || configs.some(isUsed)) continue;
    throw new UserError(
      `${flagOf(setting)}: of no use without ${partner}.`,
      `Leave it out, or add ${partner}.`,
    );
  }
}

function flagOf(setting: keyof TrainConfig): string {
  const flag = [...FLAGS, ...SWITCHES].find(([, name]) => name === setting)?.[0].split(" ")[0];
  return flag ?? `--set ${setting}`;
}

function readSettings(path: string): ConfigOverrides {
  const example = 'Give a JSON file of settings, for example {"initLr": 0.001, "nEpochs": 2}.';
  return readJson(path, z.record(z.string(), z.unknown()), example);
}

/** What the flags alone say. @throws UserError where a setting is given twice, or is no setting */
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
  for (const text of options.set ?? []) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (name === undefined)
      throw new UserError(`--set takes name=value, got "${text}".`, "For example --set initLr=0.001");
    put(name, settingOf(`--set ${name}`, name, value!));
  }
  return Object.fromEntries(overrides);
}

type Value = string | number | boolean | number[];

/** The value of a setting that is written as text: of the type that the presets have there. */
function settingOf(flag: string, setting: string, text: string): Value {
  requireSetting(setting);
  const sample: unknown = vit224()[setting as keyof TrainConfig];
  if (Array.isArray(sample)) {
    return text === "" ? [] : text.split(",").map((number) => numberOf(flag, number));
  }
  if (typeof sample === "boolean") return switchOf(flag, text);
  return typeof sample === "number" ? numberOf(flag, text) : text;
}

function switchOf(flag: string, text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new UserError(`${flag} takes true or false, got "${text}".`);
}
