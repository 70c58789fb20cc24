import { type Command, Option } from "commander";
import { UserError } from "../common/errors";
import { requestInterrupt } from "../common/interrupt";
import { terminalProgress } from "../common/progress";
import { processCount } from "../config/config";
import { describeDevice } from "../tensorflow/device";
import { type RunSummary, runTraining } from "../training/run";
import { inProcesses, prepareRunFolder, readRunConfig, runFolder } from "../training/run_folder";
import { superviseRun } from "../training/supervisor";
import { type CommandResult, runs } from "./command";
import { addConfigFlags, type ConfigOptions, configOf, flagOverrides, numberOf } from "./config_flags";

interface TrainOptions extends ConfigOptions {
  resume?: string;
  runDir?: string;
  overwrite?: boolean;
  maxRestarts: string;
}

/** `guie train`: one run, from its start or its last checkpoint to its end. */
export function registerTrain(program: Command): void {
  const command = program
    .command("train")
    .description("Train a run (or go on with it): frozen features first, then fine_tune from there.")
    .addOption(new Option("--stage <stage>", "what is trained").choices(["frozen", "fine_tune"]))
    .option(
      "--resume <run>",
      "go on with this run (its name below checkpoints/, or its folder); settings are its own",
    )
    .option("--run-dir <dir>", "the same, by its folder")
    .option(
      "--max-restarts <n>",
      "of a run of several processes: so often go on from the last checkpoint after one has failed",
      "0",
    )
    .option("--overwrite", "delete an existing run of this name first");
  addConfigFlags(command);
  runs<TrainOptions>(command, train);
}

async function train(options: TrainOptions): Promise<CommandResult> {
  const resumed = options.resume ?? options.runDir;
  if (resumed) refuseSettings(options);
  const folder = resumed
    ? resumedFolder(runFolder(resumed), options)
    : prepareRunFolder(configOf(options), { overwrite: options.overwrite });
  const reinitHead = Boolean(resumed && options.reinitHead);
  const summary = await trainFolder(folder, numberOf("--max-restarts", options.maxRestarts), reinitHead);
  const { retrieval, finalLoss, reason, steps } = summary;
  const scores = retrieval
    ? `, held-out classes: mP@5 ${retrieval.mp5.toFixed(3)}, R@1 ${retrieval.r1.toFixed(3)}`
    : "";
  return {
    text: `${reason} after ${steps} steps, loss ${finalLoss?.toFixed(4)}${scores}; run folder ${folder}`,
    summary: { ...summary },
  };
}

/** Trains in this process, or in as many as the run's config says. */
function trainFolder(folder: string, maxRestarts: number, reinitHead: boolean): Promise<RunSummary> {
  const onProgress = terminalProgress();
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const stop = new AbortController();
  const isOne = processCount(readRunConfig(folder)) === 1;
  const end = isOne ? requestInterrupt : () => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  if (!isOne && reinitHead)
    throw new UserError(
      "A run goes on with a fresh head in one process.",
      "Add --workers 1; stopped after its first checkpoint, it may go on in several.",
    );
  if (!isOne) return superviseRun(folder, { maxRestarts, onProgress, say, stop: stop.signal });
  say(describeDevice());
  return runTraining(folder, onProgress, { reinitHead });
}

/** The folder of a run that goes on, in as many processes as the flags say, with the global batch that it has. */
function resumedFolder(folder: string, options: TrainOptions): string {
  const { workers = 1, gpus = [] } = flagOverrides(options);
  if (options.workers === undefined && options.gpus === undefined) return folder;
  return prepareRunFolder(inProcesses(readRunConfig(folder), { workers, gpus }));
}

/** A run that goes on has the settings that it began with: others would be ignored. A fresh head may be asked for. */
function refuseSettings(options: TrainOptions): void {
  const { stage, config, overwrite } = options;
  const { workers, gpus, reinitHead, ...settings } = flagOverrides(options);
  const given = Object.entries({ ...settings, stage, config, overwrite });
  const names = given.filter(([, value]) => value !== undefined).map(([name]) => name);
  if (names.length === 0) return;
  throw new UserError(
    `A run that goes on has settings of its own; given were: ${names.join(", ")}.`,
    "Leave them out, or start a run under another --run-name.",
  );
}
