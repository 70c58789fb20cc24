// Flags that stand for settings of a run, the same for every command that takes them.
import { type Command, Option } from "commander";
import { z } from "zod";
import { UserError } from "../common/errors";
import { readJson } from "../common/files";
import { type ConfigOverrides, overrideConfig, type TrainConfig } from "../config/config";
import { PRESET_NAMES, preset, vit224 } from "../config/presets";
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

/** Adds --config-name, --config, --set and a flag for each of `settings`; for all that have one unless told. */
export function addConfigFlags(command: Command, settings?: readonly (keyof TrainConfig)[]): void {
  command
    .option("--config-name <preset>", `preset: ${PRESET_NAMES.join(", ")} (default: ${DEFAULT_PRESET})`)
    .option("--config <file>", "JSON file with settings that override the preset's")
    .option(
      "--set <name=value>",
      "any setting of docs/presets.md, by its name; may be given several times",
      (text: string, before: string[] = []) => [...before, text],
    );
  for (const [flags, setting, description] of [...FLAGS, ...SWITCHES]) {
    if (!settings || settings.includes(setting)) command.option(flags, description);
  }
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

function readSettings(path: string): ConfigOverrides {
  const example = 'Give a JSON file of settings, for example {"initLr": 0.001, "nEpochs": 2}.';
  return readJson(path, z.record(z.string(), z.unknown()), example);
}

/** What the flags alone say. @throws UserError where a setting is given twice, or is no setting */
export function flagOverrides(options: ConfigOptions): ConfigOverrides {
  const overrides: Record<string, Value> = {};
  const put = (setting: string, value: Value) => {
    if (setting in overrides) throw new UserError(`The setting ${setting} is given twice.`, "Give it once.");
    overrides[setting] = value;
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
  return overrides;
}

type Value = string | number | boolean | number[];

/** The value of a setting that is written as text: of the type that the presets have there. */
function settingOf(flag: string, setting: string, text: string): Value {
  const sample: unknown = vit224()[setting as keyof TrainConfig];
  if (sample === undefined) overrideConfig(vit224(), { [setting]: text }); // refuses it, with the nearest name
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
