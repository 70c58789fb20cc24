import { type Command, Option } from "commander";
import { UserError } from "../common/errors";
import { requestInterrupt } from "../common/interrupt";
import { terminalProgress } from "../common/progress";
import { describeDevice } from "../tensorflow/device";
import { runTraining } from "../training/run";
import { prepareRunFolder, runFolder } from "../training/run_folder";
import { type CommandResult, runs } from "./command";
import { addConfigFlags, type ConfigOptions, configOf, flagOverrides } from "./config_flags";

interface TrainOptions extends ConfigOptions {
  resume?: string;
  runDir?: string;
  overwrite?: boolean;
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
    .option("--overwrite", "delete an existing run of this name first");
  addConfigFlags(command);
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
