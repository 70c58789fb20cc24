import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { restoreCheckpoint, saveCheckpoint } from "../checkpoints/store";
import { messageOf, UserError } from "../common/errors";
import { writeJson } from "../common/files";
import { breathe, Interrupted } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import { projectRoot } from "../common/project";
import type { TrainConfig } from "../config/config";
import type { Weights } from "../model/vit";
import { describeDevice } from "../tensorflow/device";
import { tf } from "../tensorflow/tf";
import { buildTraining, type TrainingSetup } from "./build";
import { classify, embedFeatures, scoreRetrievalSet } from "./evaluate";
import { type EndMetric, latestMetrics, type StepMetric } from "./metrics";
import {
  appendMetric,
  claimRun,
  isFinished,
  readMetrics,
  readRunConfig,
  rewindMetrics,
  runFile,
} from "./run_folder";

/** What a finished (or stopped) run leaves to look at. */
export interface RunSummary {
  folder: string;
  reason: EndMetric["reason"];
  steps: number;
  finalLoss: number | undefined;
  validation: { top1: number; top5: number } | undefined;
  retrieval: { mp5: number; r1: number } | undefined;
}

/**
 * Trains the run of a folder to its end in this process: from the start, or from its last checkpoint. Every step
 * goes to `metrics.jsonl`, every epoch is validated, the last state is kept in `last.safetensors`.
 * An interrupt (see `breathe`) finishes the step, saves and ends with reason "stopped"; the same call goes on later.
 */
export async function runTraining(folder: string, onProgress?: OnProgress): Promise<RunSummary> {
  const config = readRunConfig(folder);
  if (isFinished(folder)) return summarise(folder);
  const release = claimRun(folder);
  const startedAtMs = Date.now();
  const end = (reason: EndMetric["reason"], message?: string) =>
    appendMetric(folder, { kind: "end", reason, message, elapsedSeconds: (Date.now() - startedAtMs) / 1000 });
  try {
    writeJson(runFile(folder, "environment"), environment());
    const setup = await buildTraining(config, onProgress);
    try {
      await resume(folder, setup);
      await trainToEnd(folder, config, setup, onProgress);
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
    log(folder, `Resumed after step ${trainer.stepsDone} of ${trainer.totalSteps}`);
  }
  rewindMetrics(folder, trainer.stepsDone);
}

async function trainToEnd(
  folder: string,
  config: Readonly<TrainConfig>,
  setup: TrainingSetup,
  onProgress?: OnProgress,
): Promise<void> {
  const { trainer } = setup;
  const mean = runningMean();
  const epochIsComplete = () => trainer.stepsDone > 0 && trainer.stepsDone % trainer.stepsPerEpoch === 0;
  try {
    if (epochIsComplete()) await endEpoch(folder, config, setup, trainer.stepsDone / trainer.stepsPerEpoch);
    while (true) {
      await breathe();
      const metric = await trainer.step();
      if (!metric) break;
      appendMetric(folder, metric);
      mean.add(metric.loss);
      report(folder, config, trainer.stepsPerEpoch, metric, mean.value(), onProgress);
      const checkpointIsDue = config.cpktSteps > 0 && metric.step % config.cpktSteps === 0;
      if (checkpointIsDue || epochIsComplete()) await save(folder, setup, "last");
      if (epochIsComplete()) await endEpoch(folder, config, setup, metric.epoch);
    }
  } catch (error) {
    if (error instanceof Interrupted) await save(folder, setup, "last");
    throw error;
  }
}

/** Validation, retrieval, and the numbered checkpoint where one is due. */
async function endEpoch(
  folder: string,
  config: Readonly<TrainConfig>,
  setup: TrainingSetup,
  epoch: number,
): Promise<void> {
  const head = await setup.trainer.headWeights();
  try {
    await validate(folder, config, setup, head, epoch);
    await retrieve(folder, setup, head, epoch);
  } finally {
    tf.dispose(head);
  }
  if (config.cpktEpoch > 0 && epoch % config.cpktEpoch === 0) await save(folder, setup, `epoch_${epoch}`);
}

/** Loss, top-1 and top-5 over the validation fold. */
async function validate(
  folder: string,
  config: Readonly<TrainConfig>,
  { trainer, data, featuresOf }: TrainingSetup,
  head: Weights,
  epoch: number,
): Promise<void> {
  const { files, labels } = data.validation;
  if (files.length === 0) return;
  const scores = await classify(head, await featuresOf("validation", files), labels, config.s);
  appendMetric(folder, { kind: "validation", epoch, step: trainer.stepsDone, ...scores });
  const shares = `top-1 ${percent(scores.top1)} top-5 ${percent(scores.top5)}`;
  log(folder, `Validation: epoch ${epoch} loss ${scores.loss.toFixed(4)} ${shares}`);
}

/** Retrieval on the held-out classes, where the data directory has them. */
async function retrieve(
  folder: string,
  { trainer, data, featuresOf }: TrainingSetup,
  head: Weights,
  epoch: number,
): Promise<void> {
  if (!data.retrieval) return;
  const { queries, index } = data.retrieval;
  const { mp5, r1, ...counts } = await scoreRetrievalSet({
    queries: await embedFeatures(head, await featuresOf("queries", queries.files)),
    queryLabels: queries.labels,
    index: await embedFeatures(head, await featuresOf("index", index.files)),
    indexLabels: index.labels,
  });
  appendMetric(folder, {
    kind: "retrieval",
    epoch,
    step: trainer.stepsDone,
    mp5,
    r1,
    queries: counts.queries,
  });
  log(folder, `Retrieval: epoch ${epoch} mP@5 ${mp5.toFixed(3)} R@1 ${r1.toFixed(3)}`);
}

async function save(folder: string, { trainer }: TrainingSetup, name: string): Promise<void> {
  await saveCheckpoint(join(folder, `${name}.safetensors`), trainer, trainer.stepsDone);
}

function report(
  folder: string,
  config: Readonly<TrainConfig>,
  stepsPerEpoch: number,
  metric: StepMetric,
  lossMean: number,
  onProgress?: OnProgress,
): void {
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
  log(
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

function log(folder: string, line: string): void {
  appendFileSync(runFile(folder, "log"), `${new Date().toISOString()} ${line}\n`);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

/** Where and with what a run was made. */
function environment(): Record<string, unknown> {
  let commit: string | undefined;
  try {
    commit = execFileSync("git", ["rev-parse", "HEAD"], {
      cwd: projectRoot(),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    commit = undefined; // not a git checkout: nothing to name
  }
  return {
    device: describeDevice(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    commit,
  };
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
    retrieval: retrieval && { mp5: retrieval.mp5, r1: retrieval.r1 },
  };
}
