import { type Command, Option } from "commander";
import { UserError } from "../common/errors";
import { readJson } from "../common/files";
import { requestInterrupt } from "../common/interrupt";
import { terminalProgress } from "../common/progress";
import { type ConfigOverrides, overrideConfig, type TrainConfig } from "../config/config";
import { PRESET_NAMES, preset } from "../config/presets";
import { describeDevice } from "../tensorflow/device";
import { runTraining } from "../training/run";
import { prepareRunFolder, runFolder } from "../training/run_folder";
import { type CommandResult, runs } from "./command";

type Flag = [flags: string, setting: keyof TrainConfig, description: string];

/** Flags that set one field of the config each; the first eight are the original's own. */
const FLAGS: readonly Flag[] = [
  ["--csv-dir <file>", "csv", "training table below the data directory"],
  ["--image-size <px>", "imageSize", "side of the input"],
  ["--batch-size <n>", "batchSize", "images a step"],
  ["--accumulation-steps <n>", "accumulationSteps", "pieces in which a batch goes through"],
  ["--precision <dtype>", "precision", "matrix products in float32, bfloat16 or float16"],
  ["--num-workers <n>", "numWorkers", "images decoded at once"],
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
  ["--data-dir <dir>", "dataDir", "folder with the pipeline's files"],
  ["--run-name <name>", "runName", "name of the folder below checkpoints/"],
  ["--init-from <run>", "initFrom", "run whose neck and head are the start"],
  ["--weights <file>", "weights", "safetensors file of the backbone"],
  ["--backbone-lr-factor <x>", "backboneLrFactor", "backbone's learning rate / init-lr"],
  ["--max-steps-per-epoch <n>", "maxStepsPerEpoch", "shorter epochs; 0 = whole ones"],
  ["--s <s>", "s", "ArcFace's scale"],
  ["--margin <m>", "margin", "ArcFace's first margin, radians"],
];

/** Settings that are text; all other flags are numbers. */
const TEXT_SETTINGS: ReadonlySet<string> = new Set([
  "csv",
  "dataDir",
  "runName",
  "initFrom",
  "weights",
  "precision",
  "bestBy",
]);

interface TrainOptions extends Record<string, unknown> {
  configName: string;
  stage?: TrainConfig["stage"];
  config?: string;
  resume?: string;
  runDir?: string;
  gradientCheckpointing?: boolean;
  overwrite?: boolean;
}

/** `guie train`: one run, from its start or its last checkpoint to its end. */
export function registerTrain(program: Command): void {
  const command = program
    .command("train")
    .description("Train a run (or go on with it): frozen features first, then fine_tune from there.")
    .option("--config-name <preset>", `preset: ${PRESET_NAMES.join(", ")}`, "demo")
    .addOption(new Option("--stage <stage>", "what is trained").choices(["frozen", "fine_tune"]))
    .option("--config <file>", "JSON file with settings that override the preset's")
    .option(
      "--resume <run>",
      "go on with this run (its name below checkpoints/, or its folder); settings are its own",
    )
    .option("--run-dir <dir>", "the same, by its folder")
    .option("--gradient-checkpointing", "compute blocks twice and keep less in memory")
    .option("--overwrite", "delete an existing run of this name first");
  for (const [flags, , description] of FLAGS) command.option(flags, description);
  runs<TrainOptions>(command, train);
}

async function train(options: TrainOptions): Promise<CommandResult> {
  const resumed = options.resume ?? options.runDir;
  if (resumed) refuseSettings(options);
  const folder = resumed
    ? runFolder(resumed)
    : prepareRunFolder(configOf(options), { overwrite: options.overwrite });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, requestInterrupt);
  process.stderr.write(`${describeDevice()}\n`);
  const summary = await runTraining(folder, terminalProgress());
  const { retrieval, finalLoss, reason, steps } = summary;
  const scores = retrieval
    ? `, held-out classes: mP@5 ${retrieval.mp5.toFixed(3)}, R@1 ${retrieval.r1.toFixed(3)}`
    : "";
  return {
    text: `${reason} after ${steps} steps, loss ${finalLoss?.toFixed(4)}${scores}; run folder ${folder}`,
    summary: { ...summary },
  };
}

/** A run that goes on has the settings that it began with: others would be ignored. */
function refuseSettings(options: TrainOptions): void {
  const { stage, config, overwrite } = options;
  const given = Object.entries({ ...flagOverrides(options), stage, config, overwrite });
  const names = given.filter(([, value]) => value !== undefined).map(([name]) => name);
  if (names.length === 0) return;
  throw new UserError(
    `A run that goes on has settings of its own; given were: ${names.join(", ")}.`,
    "Leave them out, or start a run under another --run-name.",
  );
}

/** The preset, then the JSON file, then the flags. */
function configOf(options: TrainOptions): Readonly<TrainConfig> {
  const fromFile = options.config
    ? readJson<ConfigOverrides>(options.config, "Give the path of a JSON file.")
    : {};
  const base = preset(options.configName, options.stage ?? fromFile.stage);
  return overrideConfig(overrideConfig(base, fromFile), flagOverrides(options));
}

function flagOverrides(options: TrainOptions): ConfigOverrides {
  const overrides: Record<string, string | number | boolean> = {};
  if (options.gradientCheckpointing) overrides.gradientCheckpointing = true;
  for (const [flags, setting] of FLAGS) {
    const text = options[new Option(flags).attributeName()] as string | undefined;
    if (text !== undefined) overrides[setting] = TEXT_SETTINGS.has(setting) ? text : numberOf(flags, text);
  }
  return overrides;
}

function numberOf(flags: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new UserError(
    `${flags.split(" ")[0]} takes a number, got "${text}".`,
    `For example: ${flags.split(" ")[0]} 1`,
  );
}
