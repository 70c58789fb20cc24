import { existsSync } from "node:fs";
import { restoreCheckpoint } from "../checkpoints/store";
import { messageOf, UserError } from "../common/errors";
import { writeJson } from "../common/files";
import { breathe, Interrupted } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import type { TrainConfig } from "../config/config";
import type { Average } from "./averages";
import { buildTraining, type TrainingSetup } from "./build";
import { describeEnvironment } from "./environment";
import { openEventFile } from "./event_files";
import {
  type EndMetric,
  type HeldOutScores,
  latestMetrics,
  type Metric,
  type RetrievalMetric,
  type StepMetric,
} from "./metrics";
import { isDue, keepEpoch, keepStep, listCheckpoints, removeTemporaries, saveLast } from "./run_checkpoints";
import { evaluateRun } from "./run_evaluation";
import {
  appendMetric,
  claimRun,
  isFinished,
  logLine,
  readMetrics,
  readRunConfig,
  rewindMetrics,
  runFile,
} from "./run_folder";

/** A run while this process trains it. */
export interface Run {
  folder: string;
  config: Readonly<TrainConfig>;
  setup: TrainingSetup;
  /** Writes what was measured to all files that hold it. */
  record(metric: Metric): void;
  onProgress?: OnProgress;
}

/** What a finished (or stopped) run leaves to look at. */
export interface RunSummary {
  folder: string;
  reason: EndMetric["reason"];
  steps: number;
  finalLoss: number | undefined;
  validation: { top1: number; top5: number } | undefined;
  /** Of the weights as they are, and of their averages. */
  retrieval: ({ mp5: number; r1: number } & Partial<Record<Average, HeldOutScores>>) | undefined;
  /** Names of the checkpoints that the run's folder holds. */
  checkpoints: string[];
}

/**
 * Trains the run of a folder to its end in this process: from the start, or from its last checkpoint. Every step
 * goes to `metrics.jsonl`, every epoch is validated, the last state is kept in `last.safetensors`, the best in `best.safetensors`.
 * An interrupt (see `breathe`) finishes the step, saves and ends with reason "stopped"; the same call goes on later.
 */
export async function runTraining(folder: string, onProgress?: OnProgress): Promise<RunSummary> {
  const config = readRunConfig(folder);
  if (isFinished(folder)) return summarise(folder);
  const release = claimRun(folder);
  removeTemporaries(folder);
  const startedAtMs = Date.now();
  const end = (reason: EndMetric["reason"], message?: string) =>
    appendMetric(folder, { kind: "end", reason, message, elapsedSeconds: (Date.now() - startedAtMs) / 1000 });
  try {
    writeJson(runFile(folder, "environment"), describeEnvironment());
    const setup = await buildTraining(config, onProgress);
    try {
      await resume(folder, setup);
      const toEventFile = openEventFile(folder, setup.trainer.stepsDone);
      const record = (metric: Metric) => {
        appendMetric(folder, metric);
        toEventFile(metric);
      };
      await trainToEnd({ folder, config, setup, record, onProgress });
      end("finished");
    } finally {
      setup.trainer.dispose();
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) {
      end("failed", messageOf(error));
      throw error;
    }
    end("stopped");
  } finally {
    release();
  }
  return summarise(folder);
}

/** Takes up the last checkpoint where there is one. */
async function resume(folder: string, { trainer }: TrainingSetup): Promise<void> {
  const path = runFile(folder, "last");
  if (existsSync(path)) {
    trainer.stepsDone = await restoreCheckpoint(path, trainer);
    logLine(folder, `Resumed after step ${trainer.stepsDone} of ${trainer.totalSteps}`);
  }
  rewindMetrics(folder, trainer.stepsDone);
}

async function trainToEnd(run: Run): Promise<void> {
  const { config, record } = run;
  const { trainer } = run.setup;
  const mean = runningMean();
  const epochIsComplete = () => trainer.stepsDone > 0 && trainer.stepsDone % trainer.stepsPerEpoch === 0;
  try {
    await keepStep(run);
    if (epochIsComplete()) await endEpoch(run, trainer.stepsDone / trainer.stepsPerEpoch);
    while (true) {
      await breathe();
      const metric = await trainer.step();
      if (!metric) break;
      record(metric);
      mean.add(metric.loss);
      report(run, metric, mean.value());
      const checkpointIsDue = [config.cpktSteps, config.keepEverySteps].some((n) => isDue(metric.step, n));
      if (checkpointIsDue || epochIsComplete()) await saveLast(run);
      if (epochIsComplete()) await endEpoch(run, metric.epoch);
    }
  } catch (error) {
    if (error instanceof Interrupted) await saveLast(run);
    throw error;
  }
}

/** Validation, retrieval, and the checkpoints that stay. */
async function endEpoch(run: Run, epoch: number): Promise<void> {
  await evaluateRun(run, epoch);
  await keepEpoch(run, epoch);
}

function report({ folder, config, setup, onProgress }: Run, metric: StepMetric, lossMean: number): void {
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
  const seconds = (config.batchSize / imagesPerSecond).toFixed(3);
  logLine(
    folder,
    `Epoch: [${epoch}][${inEpoch}/${stepsPerEpoch}] lr: ${learningRate.toExponential(2)} memory: ${memoryMB} MB ` +
      `loss: ${loss.toFixed(4)} (${lossMean.toFixed(4)}) batch time: ${seconds} s`,
  );
}

/** Mean of everything added. */
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

function withAverages({ mp5, r1, ema, swa }: RetrievalMetric): RunSummary["retrieval"] {
  return { mp5, r1, ...(ema && { ema }), ...(swa && { swa }) };
}

/** The end of a run as its files tell it. */
export function summarise(folder: string): RunSummary {
  const { step, validation, retrieval, end } = latestMetrics(readMetrics(folder));
  if (!end)
    throw new UserError(`The run in ${folder} has not ended.`, "Watch it, or start it again: npx guie train");
  return {
    folder,
    reason: end.reason,
    steps: step?.step ?? 0,
    finalLoss: step?.loss,
    validation: validation && { top1: validation.top1, top5: validation.top5 },
    retrieval: retrieval && withAverages(retrieval),
    checkpoints: listCheckpoints(folder),
  };
}
