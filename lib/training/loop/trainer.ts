// The trainer: holds a run's session, and takes one step at a time.
import { UserError } from "../../common/errors";
import type { TrainerSettings } from "../../config/parts";
import { floatsOf } from "../../engine/native/dtypes";
import type { Program } from "../../engine/program/program";
import type { Weights } from "../../model/vit";
import type { WeightKind } from "../../model/weight_names";
import type { StepMetric } from "../../runs/metrics";
import type { StoredModel } from "../../runs/store";
import { type Batch, type BatchSource, positionOf } from "../data/batches";
import { ONE_PROCESS } from "../data/samplers";
import { classesOfShard, type WholeHead } from "../ranks/head_shards";
import type { Ranks } from "../ranks/ranks";
import type { Averages } from "../step/averages";
import { readHeadWeights } from "../step/head_weights";
import { stepsApplied } from "../step/loss_scale";
import { groupRates } from "../step/rate_groups";
import { checkedRates, type LearningRates, ratesAt } from "../step/rates";
import { isBackboneFrozen, marginOf, type Position } from "../step/schedule";
import type { LossFeed, StepParts, TrainStep } from "../step/step";
import { FiniteCheck } from "./finite_check";
import { type FeedParts, feedOf } from "./step_feed";
import { type TrainerGraphs, type TrainerParts, type TrainSteps, traceTrainer } from "./trainer_graphs";

/** The feed of the next step, and its images. */
export interface NextBatch {
  feed: LossFeed;
  /** Paths below the data directory. */
  files: readonly string[];
}

/**
 * Holds the weights and the optimizer's state in a TensorFlow session, and takes one step at a time:
 * `await trainer.step()` in a cell, or the loop of `runTraining`.
 */
export class Trainer {
  readonly config: Readonly<TrainerSettings>;
  /** Optimizer steps of the whole run. */
  readonly totalSteps: number;
  /** The session's program; its variables are the weights by name, and `optimizer.*`. */
  readonly program: Program;
  /** Shapes of a checkpoint's tensors: the weights, the optimizer's moments, and averages of the weights. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Optimizer steps taken so far, over all epochs. */
  stepsDone = 0;
  /** True if one of the processes that train together was asked to stop; all know it after the same step. */
  stopAgreed = false;
  /** The parts that its step was traced from. */
  readonly stepParts: StepParts;
  readonly #batches: BatchSource;
  readonly #feedParts: FeedParts;
  readonly #steps: TrainSteps;
  readonly #averages: Averages;
  readonly #finite: FiniteCheck;
  #ratesByHand: LearningRates | undefined;
  readonly #ranks: Ranks | undefined;
  readonly #wholeHead: WholeHead | undefined;
  readonly #startedAtMs = performance.now();

  /** Moves the weights into a session and traces the training step. @throws UserError as `traceTrainer` */
  static async create(parts: TrainerParts): Promise<Trainer> {
    return new Trainer(parts, await traceTrainer(parts));
  }

  private constructor(
    { config, batches, featureCount, patches, ranks }: TrainerParts,
    graphs: TrainerGraphs,
  ) {
    this.config = config;
    this.totalSteps = batches.stepsPerEpoch * config.nEpochs;
    this.program = graphs.program;
    this.shapes = graphs.shapes;
    this.stepParts = graphs.stepParts;
    this.#batches = batches;
    this.#steps = graphs.steps;
    this.#averages = graphs.averages;
    this.#ranks = ranks;
    this.#wholeHead = graphs.wholeHead;
    const shardClasses = graphs.wholeHead ? classesOfShard(graphs.wholeHead.plan) : 0;
    this.#feedParts = { config, featureCount, patches, shard: ranks?.shard ?? ONE_PROCESS, shardClasses };
    this.#finite = new FiniteCheck(graphs.program, graphs.shapes.keys());
  }

  /** The traced functions of a step, in the order of execution; `show(trainer.functions[0])` draws one. */
  get functions(): TrainStep["functions"] {
    return this.#steps.all.functions;
  }

  /** Returns the kinds of weights to evaluate: the raw ones, and the averages that are not empty. */
  async weightKinds(): Promise<WeightKind[]> {
    return ["raw", ...(await this.#averages.present())];
  }

  /** Images of an optimizer step over all processes. */
  get globalBatch(): number {
    return this.config.batchSize * (this.#ranks?.shard.worldSize ?? 1);
  }

  /** Steps in each epoch. */
  get stepsPerEpoch(): number {
    return this.#batches.stepsPerEpoch;
  }

  /**
   * Reads the current neck and head as tensors; the caller disposes of them.
   * @param kind the raw weights, or an average
   */
  async headWeights(kind: WeightKind = "raw"): Promise<Weights> {
    await this.collectHead();
    return readHeadWeights(this.stored, kind);
  }

  /** The model as a checkpoint stores it; a sharded head is as of the last `collectHead`. */
  get stored(): StoredModel {
    return this.#wholeHead?.stored ?? { program: this.program, shapes: this.shapes };
  }

  /** Fetches all of a sharded head; all processes call it together. */
  async collectHead(): Promise<void> {
    await this.#wholeHead?.collect();
  }

  /** Gives each process its rows of a sharded head that the chief has restored. */
  async scatterHead(): Promise<void> {
    await this.#wholeHead?.scatter();
  }

  /** Resets the chosen averages to the current weights (after the head is re-initialised). */
  async resetAverages(isChosen: (name: string) => boolean): Promise<void> {
    for (const [name, average] of this.#averages.pairs.filter(([name]) => isChosen(name))) {
      await this.program.assign(average, floatsOf(await this.program.read(name)));
    }
  }

  /**
   * Overrides the scheduled learning rate for the following steps; metrics report the override.
   * @param head learning rate of neck and head; undefined returns to the schedule
   * @param backbone learning rate of the backbone; default: `head` x backboneLrFactor
   * @throws UserError if a rate is negative or no finite number
   */
  setLearningRate(head: number | undefined, backbone = (head ?? 0) * this.config.backboneLrFactor): void {
    this.#ratesByHand = head === undefined ? undefined : checkedRates({ head, backbone });
  }

  /**
   * Checks that no weight is NaN or infinite. Called before a checkpoint is replaced, because a bad gradient shows in
   * the loss of the next step at the earliest.
   * @throws UserError naming the last step
   */
  async assertFinite(): Promise<void> {
    await this.#finite.checkWeights();
  }

  /**
   * Takes the next optimizer step.
   * @returns its metric, or undefined if the run is complete
   * @throws UserError if the loss is not finite, with step, learning rates and the batch's files: the weights are then
   *   unusable, the last checkpoint is not
   */
  async step(): Promise<StepMetric | undefined> {
    if (this.stepsDone >= this.totalSteps) return undefined;
    const { config } = this;
    const startedAtMs = performance.now();
    const step = this.stepsDone + 1;
    const position = positionOf(step, this.stepsPerEpoch);
    const rates = ratesAt(config, position, this.stepsPerEpoch, this.#ratesByHand);
    this.#ranks?.enter("batch", this.stepsDone);
    const batch = await this.#batches.batchAt(position);
    const dataSeconds = (performance.now() - startedAtMs) / 1000;
    this.#ranks?.enter("step", this.stepsDone);
    const loss = await this.#update(batch, step, position, rates);
    this.#batches.release?.(batch);
    await this.#averages.update(position, this.stepsPerEpoch);
    this.stepsDone = step;
    const now = performance.now();
    return {
      kind: "step",
      stage: config.stage,
      epoch: position.epoch,
      step,
      totalSteps: this.totalSteps,
      loss,
      learningRate: rates.head,
      backboneLearningRate: rates.backbone,
      margin: marginOf(config, position.epoch),
      imagesPerSecond: this.globalBatch / Math.max(1e-3, (now - startedAtMs) / 1000),
      dataSeconds,
      memoryMB: Math.round(process.memoryUsage().rss / 2 ** 20),
      elapsedSeconds: (now - this.#startedAtMs) / 1000,
    };
  }

  /** Runs forward pass, backward pass and AdamW on one batch. @returns the mean loss over all processes */
  async #update(batch: Batch, step: number, position: Position, rates: LearningRates): Promise<number> {
    const { config } = this;
    const margin = marginOf(config, position.epoch);
    const applied = await stepsApplied(this.program, config, step);
    const { all, headOnly } = this.#steps;
    const traced = isBackboneFrozen(config, position.epoch) && headOnly ? headOnly : all;
    const loss = await traced.run({
      ...feedOf(batch, step, margin, this.#feedParts),
      rates: groupRates(traced.groups, applied, rates, config),
    });
    const { losses, stop } = (await this.#ranks?.agree(loss)) ?? { losses: [loss], stop: false };
    this.stopAgreed = stop;
    this.#finite.checkLoss({ step, rates, margin, batch }, loss, losses);
    return losses.reduce((sum, each) => sum + each, 0) / losses.length;
  }

  /** Returns the next step's batch without taking the step. @throws UserError if there is no next step */
  async nextBatch(): Promise<NextBatch> {
    if (this.stepsDone >= this.totalSteps) {
      const what = `The run is complete after ${this.totalSteps} steps: there is no next batch.`;
      throw new UserError(what, "Build the trainer again, or with a larger nEpochs.");
    }
    const step = this.stepsDone + 1;
    const position = positionOf(step, this.stepsPerEpoch);
    const batch = await this.#batches.batchAt(position);
    return {
      feed: feedOf(batch, step, marginOf(this.config, position.epoch), this.#feedParts),
      files: batch.files,
    };
  }

  /** Takes all remaining steps: `for await (const step of trainer)`; `break` stops between two steps. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StepMetric, void> {
    for (let metric = await this.step(); metric; metric = await this.step()) yield metric;
  }

  /** Frees the session with the weights and the optimizer's state. */
  dispose(): void {
    this.program.dispose();
  }
}
