// Trains a run, from its start or last checkpoint, to its end.
import { basename } from "node:path";
import { messageOf, UserError } from "../common/errors";
import type { Claim } from "../common/files/claim";
import { inWords } from "../common/files/errno";
import { removeTemporaries, writeJson } from "../common/files/files";
import { checkInterrupt, Interrupted, withSignal } from "../common/interrupt";
import type { TaskOptions } from "../common/progress";
import type { BatchSettings, OptimiserSettings } from "../config/optimiser";
import type { MadeOfSettings } from "../config/parts";
import { processCount } from "../config/processes";
import type { StartSettings } from "../config/start";
import { neckDifference } from "../model/neck";
import { describeEnvironment } from "../runs/environment";
import { openEventFile } from "../runs/event_files";
import { isDue } from "../runs/kept_checkpoints";
import type { EndMetric, Metric, StepMetric } from "../runs/metrics";
import {
  appendMetric,
  hasCheckpoint,
  isFinished,
  logLine,
  readRunConfig,
  runFile,
  runFolder,
} from "../runs/run_folder";
import { dataDifferences } from "../runs/run_note";
import { endedAt, type RunSummary, summarise } from "../runs/run_summary";
import { refuseOtherStart } from "../runs/start_check";
import { bringBack, claimRun } from "../runs/start_folder";
import type { Run } from "./active_run";
import { buildTraining } from "./build";
import { requireDisk } from "./capacity";
import { runScoredOn } from "./note_run";
import { startOrResume } from "./resume";
import { evaluateRun } from "./run_evaluation";
import { keepEpoch, keepStep, saveLast } from "./save_run";
import { scoreUntrained } from "./untrained";

/**
 * Trains the run in a folder to its end in this process, from the start or from its last checkpoint. Writes every step
 * to `metrics.jsonl`, validates every epoch, keeps the last state in `last.safetensors` and the best in
 * `best.safetensors`. An interrupt (see `checkInterrupt`) or aborting `options.signal` finishes the step, saves and
 * ends with reason "stopped"; the same call goes on later.
 * @param options.reinitHead go on with a fresh head, which is necessary if the table's classes have changed
 * @param options.claimed the run's claim, if this process has it already
 */
export async function runTraining(
  folder: string,
  {
    reinitHead = false,
    claimed,
    onProgress,
    signal,
  }: { reinitHead?: boolean; claimed?: Claim | undefined } & TaskOptions = {},
): Promise<RunSummary> {
  if (reinitHead && isFinished(folder)) refuseFreshHead(folder);
  const body = (config: Run["config"]) => {
    const count = processCount(config);
    if (count === 1) return train({ folder, config, onProgress }, reinitHead);
    throw new UserError(
      `The run in ${folder} needs ${count} processes.`,
      "Start it with startRun, or with npx guie train.",
    );
  };
  return holdRun(folder, (config) => withSignal(signal, () => body(config)), { reinitHead, claimed });
}

/**
 * Claims the run in a folder while `body` trains it, and writes its end. A finished run is left as it is. If the run
 * ends before its first checkpoint, the run that it should replace comes back.
 * @param options.reinitHead accept other data than the run was made of
 * @param options.claimed the run's claim, if this process has it already
 * @throws UserError if the data are others
 */
export async function holdRun(
  folder: string,
  body: (config: Run["config"]) => Promise<void>,
  { reinitHead = false, claimed }: { reinitHead?: boolean; claimed?: Claim | undefined } = {},
): Promise<RunSummary> {
  const config = readRunConfig(folder);
  const isEnded = isFinished(folder);
  if (!reinitHead && (isEnded || hasCheckpoint(folder))) refuseOtherData(folder, config, isEnded);
  if (isEnded) return shownAgain(folder, config);
  const release = claimRun(folder, claimed);
  try {
    return isFinished(folder) ? shownAgain(folder, config) : await trainHeld(folder, body);
  } finally {
    release();
  }
}

/** Returns the summary of a run that finished earlier. @throws UserError if its start has been trained again since */
function shownAgain(folder: string, config: Pick<StartSettings, "initFrom">): RunSummary {
  refuseOtherStart(folder, config, OTHER_START_ADVICE);
  return { ...summarise(folder), finishedBefore: endedAt(folder) };
}

async function trainHeld(
  folder: string,
  body: (config: Run["config"]) => Promise<void>,
): Promise<RunSummary> {
  removeTemporaries(folder);
  const startedAtMs = performance.now();
  const end = (reason: EndMetric["reason"], message?: string) =>
    appendMetric(folder, {
      kind: "end",
      reason,
      message,
      elapsedSeconds: (performance.now() - startedAtMs) / 1000,
    });
  try {
    await body(readRunConfig(folder));
    end("finished");
  } catch (error) {
    if (error instanceof Interrupted) return stopped(folder, end);
    end("failed", messageOf(inWords(error)));
    const back = bringBack(folder, messageOf(error));
    if (back === "" || !(error instanceof UserError)) throw error;
    throw new UserError(`${messageOf(error)}\n  ${back}`, undefined, {
      cause: error,
      mayPass: error.mayPass,
    });
  }
  return summarise(folder);
}

function stopped(folder: string, end: (reason: EndMetric["reason"]) => void): RunSummary {
  end("stopped");
  const summary = summarise(folder);
  bringBack(folder, "stopped");
  return summary;
}

/** Trains a run to its end in this process, alone or as one of several; only the chief writes files. */
export async function train(
  job: Pick<Run, "folder" | "config" | "ranks" | "onProgress">,
  reinitHead = false,
): Promise<void> {
  const { folder, config, ranks, onProgress } = job;
  const writes = ranks?.isChief ?? true;
  if (writes) writeJson(runFile(folder, "environment"), describeEnvironment(config));
  const start = reinitHead ? { ...config, reinitHead } : config;
  const setup = await buildTraining(start, { onProgress, ranks });
  const { trainer } = setup;
  try {
    if (writes) requireDisk(folder, trainer.stored.shapes);
    if (writes) await startOrResume(job, setup, reinitHead);
    await ranks?.share(trainer);
    const toEventFile = writes ? openEventFile(folder, trainer.stepsDone) : () => {};
    const record = (metric: Metric) => {
      if (writes) appendMetric(folder, metric);
      toEventFile(metric);
    };
    const log = (line: string) => {
      if (writes) logLine(folder, line);
    };
    log(describeBatch(config, trainer.globalBatch));
    const note = neckDifference(config);
    if (note) log(note);
    const scored = writes ? runScoredOn(folder, config, setup.data) : undefined;
    const untrained = writes
      ? await scoreUntrained(config, setup.data, setup.untrained, { onProgress })
      : undefined;
    await trainToEnd({ ...job, setup, writes, scoredOn: scored, untrained, record, log });
  } finally {
    trainer.dispose();
  }
}

/** Formats "Global batch: 64 images = 2 processes x 32; ...". */
function describeBatch(
  { batchSize, accumulationSteps, initLr }: BatchSettings & Pick<OptimiserSettings, "initLr">,
  globalBatch: number,
): string {
  const processes = globalBatch / batchSize;
  const pieces = accumulationSteps > 1 ? `, in ${accumulationSteps} pieces` : "";
  return (
    `Global batch: ${globalBatch} images = ${processes} process${processes === 1 ? "" : "es"} x ${batchSize}${pieces}; ` +
    `learning rate ${initLr} (it is not scaled by the number of processes)`
  );
}

function refuseFreshHead(folder: string): never {
  throw new UserError(
    `The run in ${folder} has finished: a fresh head would not be trained.`,
    `Start another from its weights: npx guie train --init-from ${basename(folder)} --reinit-head --run-name NAME`,
  );
}

const OTHER_START_ADVICE = "Choose another --run-name, or give --overwrite to train this one again.";

/** @throws UserError if a run was made of another table, other classes or weights than there are now */
function refuseOtherData(folder: string, config: MadeOfSettings, isEnded: boolean): void {
  const differences = dataDifferences(folder, config);
  if (differences.length === 0) return;
  const run = runFolder(basename(folder)) === folder ? basename(folder) : folder;
  const way = isEnded
    ? `npx guie evaluate ${run} scores it on the present data`
    : `npx guie train --resume ${run} --reinit-head goes on with neck and backbone, and a fresh head`;
  throw new UserError(
    `The run in ${folder} was made of other data: ${differences.join("; ")}.`,
    `Restore the earlier data, or train under another --run-name; ${way}.`,
  );
}

async function trainToEnd(run: Run): Promise<void> {
  const { config, record } = run;
  const { trainer } = run.setup;
  const mean = runningMean();
  const epochIsComplete = () => trainer.stepsDone > 0 && trainer.stepsDone % trainer.stepsPerEpoch === 0;
  try {
    if (run.writes) await keepStep(run);
    if (epochIsComplete()) await endEpoch(run, trainer.stepsDone / trainer.stepsPerEpoch);
    while (true) {
      await checkInterrupt();
      if (trainer.stopAgreed) throw new Interrupted();
      const metric = await trainer.step();
      if (!metric) break;
      record(metric);
      mean.add(metric.loss);
      report(run, metric, mean.value());
      const checkpointIsDue = [config.cpktSteps, config.keepEverySteps].some((n) => isDue(metric.step, n));
      if (checkpointIsDue || epochIsComplete()) await save(run);
      if (epochIsComplete()) await endEpoch(run, metric.epoch);
    }
  } catch (error) {
    if (error instanceof Interrupted) await save(run);
    throw error;
  }
}

async function save(run: Run): Promise<void> {
  const { trainer } = run.setup;
  run.ranks?.enter("save", trainer.stepsDone);
  await trainer.collectHead();
  if (run.writes) await saveLast(run);
}

/** Evaluates validation and retrieval, and keeps the epoch's checkpoints. */
async function endEpoch(run: Run, epoch: number): Promise<void> {
  run.ranks?.enter("evaluation", run.setup.trainer.stepsDone);
  await evaluateRun(run, epoch);
  if (run.writes) await keepEpoch(run, epoch);
}

function report({ log, config, setup, onProgress }: Run, metric: StepMetric, lossMean: number): void {
  const { stepsPerEpoch } = setup.trainer;
  const { epoch, step, totalSteps, loss, learningRate, memoryMB, imagesPerSecond } = metric;
  onProgress?.({
    stage: config.stage,
    done: step,
    total: totalSteps,
    unit: "steps",
    note: `loss ${loss.toFixed(3)}`,
  });
  if (step % config.nBatchLog !== 0 && step !== totalSteps) return;
  const inEpoch = ((step - 1) % stepsPerEpoch) + 1;
  const seconds = (setup.trainer.globalBatch / imagesPerSecond).toFixed(3);
  log(
    `Epoch: [${epoch}][${inEpoch}/${stepsPerEpoch}] lr: ${learningRate.toExponential(2)} memory: ${memoryMB} MB ` +
      `loss: ${loss.toFixed(4)} (${lossMean.toFixed(4)}) batch time: ${seconds} s`,
  );
}

/** Returns an accumulator of the mean. */
function runningMean() {
  let [sum, count] = [0, 0];
  return {
    add: (value: number) => {
      sum += value;
      count++;
    },
    value: () => sum / count,
  };
}
