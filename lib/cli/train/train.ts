// `guie train`: trains a run, from its start or its last checkpoint.
import { type Command, Option } from "commander";
import { messageOf, UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { overrideConfig } from "../../config/config";
import type { PlaceSettings } from "../../config/processes";
import type { ClusterSpec } from "../../engine/session/cluster";
import { baselineText } from "../../runs/baseline";
import type { ScoredOn } from "../../runs/metrics";
import { readRunConfig, requireRun } from "../../runs/run_folder";
import { finishedBeforeText, type RunSummary } from "../../runs/run_summary";
import { scoredOnText, scoreMark, trainedOnText } from "../../runs/scored_on";
import { claimRunFolder, inProcesses, prepareRunFolder } from "../../runs/start_folder";
import { untrainedText } from "../../runs/untrained";
import { type BegunRun, beginRun } from "../../training/begin_run";
import { dismissMembers } from "../../training/processes/control_link";
import { joinRun, type SupervisorOptions } from "../../training/processes/supervisor";
import { clusterOfTfConfig } from "../../training/processes/tf_config";
import { trainRun } from "../../training/processes/train_run";
import { type CommandResult, setAction } from "../shared/command";
import {
  addConfigFlags,
  type ConfigOptions,
  configOf,
  flagOverrides,
  refuseUselessSettings,
} from "../shared/config_flags";
import { finishBeforeStopping, stoppedCode } from "../shared/exit_guard";
import { wholeNumberOf } from "../shared/numbers";

interface TrainOptions extends ConfigOptions {
  resume?: string;
  runDir?: string;
  overwrite?: boolean;
  both?: boolean;
  maxRestarts: string;
}

/** Registers `guie train`: one run, from its start or its last checkpoint to its end. */
export function registerTrain(program: Command): void {
  const command = program
    .command("train")
    .description("Train a run, or resume it. First train on frozen features, then fine-tune from there.")
    .addOption(
      new Option(
        "--stage <stage>",
        "frozen: neck and head on the backbone's features; fine_tune: the backbone, too",
      ).choices(["frozen", "fine_tune"]),
    )
    .option("--both", "train both stages: frozen, then fine_tune from there")
    .option("--resume <run>", "resume this run (name in checkpoints/, or folder) with its own settings")
    .option("--run-dir <dir>", "the same as --resume, by the run's folder")
    .option(
      "--max-restarts <n>",
      "with several processes: how often to resume from the last checkpoint after one has failed",
      "0",
    )
    .option("--overwrite", "replace an existing run of this name, once the first checkpoint is written");
  addConfigFlags(command);
  setAction<TrainOptions>(command, train, [
    { options: ["--run-dir"], without: "--resume", next: "Give the run once." },
    {
      options: ["--stage", "--resume", "--run-dir"],
      without: "--both",
      next: "Leave it out: both stages are trained.",
    },
  ]);
}

async function train(options: TrainOptions): Promise<CommandResult> {
  if (!(options.resume ?? options.runDir))
    refuseUselessSettings(options, options.both ? STAGES : [options.stage]);
  return options.both ? trainBoth(options) : trainOne(options);
}

const STAGES = ["frozen", "fine_tune"] as const;

/** Trains the frozen stage, then fine_tune from there; `--run-name X` names them X_frozen and X_fine_tune. */
async function trainBoth(options: TrainOptions): Promise<CommandResult> {
  const name = (stage: string) => (options.runName ? { runName: `${options.runName}_${stage}` } : {});
  const frozenOptions: TrainOptions = { ...options, stage: "frozen", ...name("frozen") };
  const frozen = await trainOne(frozenOptions);
  if (frozen.summary.reason !== "finished") return frozen;
  process.stderr.write(`${frozen.text}\n`);
  const { runName } = configOf(frozenOptions);
  const tuned = await trainOne({ ...options, stage: "fine_tune", ...name("fine_tune"), initFrom: runName });
  return { text: tuned.text, summary: { ...tuned.summary, frozen: frozen.summary } };
}

async function trainOne(options: TrainOptions): Promise<CommandResult> {
  const resumed = options.resume ?? options.runDir;
  if (resumed) refuseSettings(options);
  const cluster = clusterOfEnvironment(options);
  const watch = watchOf(wholeNumberOf("--max-restarts", options.maxRestarts, 0));
  if (cluster && cluster.rank > 0) {
    const places = placesOf(cluster);
    const config = resumed
      ? inProcesses(readRunConfig(requireRun(resumed)), places)
      : overrideConfig(configOf(options), places);
    const ended = await joinRun(config, cluster, watch);
    const summary = { rank: cluster.rank, reason: ended };
    return {
      text: `rank ${cluster.rank}: ${ended}`,
      summary,
      exitCode: ended === "stopped" ? stoppedCode() : 0,
    };
  }
  const summary = await trainHere(options, resumed, cluster, watch);
  const exitCode = summary.reason === "stopped" ? stoppedCode() : 0;
  return { text: summaryText(summary), summary: { ...summary }, exitCode };
}

/** Trains the run alone or as the chief. */
async function trainHere(
  options: TrainOptions,
  resumed: string | undefined,
  cluster: ClusterSpec | undefined,
  watch: SupervisorOptions,
): Promise<RunSummary> {
  const { overwrite } = options;
  const begin = () =>
    resumed
      ? resumeRun(requireRun(resumed), options, cluster)
      : beginRun(overrideConfig(configOf(options), cluster && placesOf(cluster)), { overwrite });
  const begun = cluster ? await begunOrDismissed(begin, cluster, watch) : begin();
  const reinitHead = Boolean(resumed && options.reinitHead);
  const summary = await trainRun(begun, { ...watch, cluster, reinitHead });
  if (cluster && summary.finishedBefore)
    await dismissMembers(cluster.addresses, { kind: "ended", reason: "finished" }, watch.signal);
  return summary;
}

/** Begins the chief's run; if that fails, tells the launchers of the other hosts why. */
async function begunOrDismissed(
  begin: () => BegunRun,
  { addresses }: ClusterSpec,
  { signal }: SupervisorOptions,
): Promise<BegunRun> {
  try {
    return begin();
  } catch (error) {
    await dismissMembers(addresses, { kind: "refused", reason: messageOf(error) }, signal).catch(() => {});
    throw error;
  }
}

/** Returns "finished after 632 steps, loss 2.5943, held-out classes: mP@5 ..., on 155 queries of ...". */
function summaryText({ folder, reason, steps, finalLoss, ...summary }: RunSummary): string {
  const { retrieval, baseline, finishedBefore } = summary;
  const end = finishedBefore
    ? `${finishedBeforeText(folder, finishedBefore)}: ${steps} steps`
    : `${reason} after ${steps} steps`;
  const scores = retrieval
    ? `, held-out classes: mP@5 ${retrieval.mp5.toFixed(3)}, R@1 ${retrieval.r1.toFixed(3)}${retrieval.on ? onText(retrieval.on) : ""}`
    : "";
  const before = baselineText(baseline);
  const untrained = retrieval || reason !== "finished" ? untrainedText(retrieval) : NOT_SCORED;
  const loss = finalLoss === undefined ? "" : `, loss ${finalLoss.toFixed(4)}`;
  return `${end}${loss}${scores}${before && ` (${before})`}; run folder ${folder}${untrained && `\n${untrained}`}`;
}

const NOT_SCORED =
  "not scored: no classes are held out (npx guie merge --hold-out 0.33), so nothing tells whether training helped";

function onText(on: ScoredOn): string {
  const learned = trainedOnText(on);
  return `${scoreMark(on)} on ${scoredOnText(on)}${learned && `, ${scoreMark(on)} ${learned}`}`;
}

/** Returns the cluster of TF_CONFIG, if a launcher has set it for more than one process. */
function clusterOfEnvironment(options: TrainOptions): ClusterSpec | undefined {
  const { TF_CONFIG } = process.env;
  const cluster = TF_CONFIG ? clusterOfTfConfig(TF_CONFIG) : undefined;
  if (!cluster || cluster.addresses.length === 1) return undefined;
  if (!namesProcesses(options)) return cluster;
  throw new UserError(
    "TF_CONFIG is set: it defines which processes train together; each start of this command is one of them.",
    "Leave out --processes and --gpus (CUDA_VISIBLE_DEVICES chooses the GPU), or unset TF_CONFIG.",
  );
}

/** Returns the processes of a cluster, one per address. */
function placesOf({ addresses }: ClusterSpec): PlaceSettings {
  return { processes: addresses.length, gpus: [] };
}

/** Returns how this command supervises several processes. */
function watchOf(maxRestarts: number): SupervisorOptions {
  const signal = finishBeforeStopping("the step under way, then saving");
  const say = (line: string) => process.stderr.write(`${line}\n`);
  return { maxRestarts, onProgress: terminalProgress(), say, signal };
}

/** Opens a run to resume: in the processes given now, with its own global batch. */
function resumeRun(folder: string, options: TrainOptions, cluster: ClusterSpec | undefined): BegunRun {
  readRunConfig(folder); // refuses a folder that is not a run
  const claim = claimRunFolder(folder);
  try {
    return { folder: resumedFolder(folder, options, cluster), claim };
  } catch (error) {
    claim.release();
    throw error;
  }
}

function resumedFolder(folder: string, options: TrainOptions, cluster: ClusterSpec | undefined): string {
  const config = readRunConfig(folder);
  if (cluster) return prepareRunFolder(inProcesses(config, placesOf(cluster)), { folder });
  if (!namesProcesses(options)) return folder;
  const { processes = 1, gpus = [] } = flagOverrides(options);
  return prepareRunFolder(inProcesses(config, { processes, gpus }), { folder });
}

/** Returns whether the command line sets the processes. */
function namesProcesses(options: TrainOptions): boolean {
  const { processes, gpus } = flagOverrides(options);
  return processes !== undefined || gpus !== undefined;
}

/** Refuses settings for a resumed run, which would be ignored; a fresh head and the processes may be chosen. */
function refuseSettings(options: TrainOptions): void {
  const { stage, configName, config, overwrite } = options;
  const { processes, gpus, reinitHead, ...settings } = flagOverrides(options);
  const given = Object.entries({ ...settings, stage, configName, config, overwrite });
  const names = given.filter(([, value]) => value !== undefined).map(([name]) => name);
  if (names.length === 0) return;
  throw new UserError(
    `A resumed run keeps its own settings; got ${names.join(", ")}.`,
    "Leave them out, or start a run with another --run-name.",
  );
}
