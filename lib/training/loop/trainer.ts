// The trainer: takes one step at a time.
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
import { adamRates } from "../step/optimizer";
import { checkedRates, type LearningRates, ratesAt } from "../step/rates";
import { isBackboneFrozen, marginOf, type Position } from "../step/schedule";
import type { LossFeed, StepParts, TrainStep } from "../step/step";
import { FiniteCheck } from "./finite_check";
import { type FeedParts, feedOf } from "./step_feed";
import { type TrainerGraphs, type TrainerParts, type TrainSteps, traceTrainer } from "./trainer_graphs";

/** What the next step will be fed, and which images that are. */
export interface NextBatch {
  feed: LossFeed;
  /** Below the data directory. */
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
  /** Its variables are the weights by name, and `optimizer.*`. */
  readonly program: Program;
  /** All that a checkpoint holds: the weights, the optimizer's moments, and averages of the weights. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Optimizer steps taken so far, over all epochs. */
  stepsDone = 0;
  /** Whether one of the processes that train together was asked to stop: all of them know after the same step. */
  stopAgreed = false;
  /** What its step was traced from. */
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

  private constructor({ config, batches, featureCount, ranks }: TrainerParts, graphs: TrainerGraphs) {
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
    this.#feedParts = { config, featureCount, shard: ranks?.shard ?? ONE_PROCESS, shardClasses };
    this.#finite = new FiniteCheck(graphs.program, graphs.shapes.keys());
  }

  /** The traced functions of a step, in the order in which it runs them: `show(trainer.functions[0])` draws one. */
  get functions(): TrainStep["functions"] {
    return this.#steps.all.functions;
  }

  /** Which weights there are to evaluate: those of the last step, and the averages that hold something by now. */
  async weightKinds(): Promise<WeightKind[]> {
    return ["raw", ...(await this.#averages.present())];
  }

  /** Images of an optimizer step, over all processes. */
  get globalBatch(): number {
    return this.config.batchSize * (this.#ranks?.shard.worldSize ?? 1);
  }

  /** Steps in each epoch. */
  get stepsPerEpoch(): number {
    return this.#batches.stepsPerEpoch;
  }

  /** Neck and head as tensors, as they are now; the caller frees them. @param kind an average in their place */
  async headWeights(kind: WeightKind = "raw"): Promise<Weights> {
    await this.collectHead();
    return readHeadWeights(this.stored, kind);
  }

  /** The model as a checkpoint holds it; the rows of a head that is shared out are as of the last `collectHead`. */
  get stored(): StoredModel {
    return this.#wholeHead?.stored ?? { program: this.program, shapes: this.shapes };
  }

  /** Where the head is shared out, fetches all of it; all processes call it together. */
  async collectHead(): Promise<void> {
    await this.#wholeHead?.collect();
  }

  /** Where the head is shared out, gives each process its rows of what the chief has restored. */
  async scatterHead(): Promise<void> {
    await this.#wholeHead?.scatter();
  }

  /** Gives the averages of some weights the value of the weights themselves: of a head that was started afresh. */
  async averageAnew(isChosen: (name: string) => boolean): Promise<void> {
    for (const [name, average] of this.#averages.pairs.filter(([name]) => isChosen(name))) {
      await this.program.assign(average, floatsOf(await this.program.read(name)));
    }
  }

  /**
   * Takes the learning rate from the schedule: the next steps have this one, and their metrics say so.
   * @param head of neck and head; undefined gives it back to the schedule
   * @param backbone default: `head` x backboneLrFactor
   * @throws UserError when one of them is no number of 0 or more
   */
  setLearningRate(head: number | undefined, backbone = (head ?? 0) * this.config.backboneLrFactor): void {
    this.#ratesByHand = head === undefined ? undefined : checkedRates({ head, backbone });
  }

  /**
   * Checks that no weight is NaN or infinite: asked before a checkpoint is replaced, since a spoilt gradient shows in
   * the loss of the step after it at the earliest.
   * @throws UserError naming the last step
   */
  async assertFinite(): Promise<void> {
    await this.#finite.checkWeights();
  }

  /**
   * Takes the next optimizer step.
   * @returns what it measured, or undefined when the run is complete
   * @throws UserError when the loss is not a finite number, with step, learning rates and the batch's files: the
   *   weights are spoilt, the last checkpoint is not
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

  /** Forward, backward and AdamW on one batch; returns the loss. */
  async #update(batch: Batch, step: number, position: Position, rates: LearningRates): Promise<number> {
    const { config } = this;
    const margin = marginOf(config, position.epoch);
    const applied = await stepsApplied(this.program, config, step);
    const head = adamRates(applied, rates.head, config.weightDecay);
    const backbone = adamRates(applied, rates.backbone, config.weightDecay);
    const { all, headOnly } = this.#steps;
    const isFrozen = isBackboneFrozen(config, position.epoch);
    const own = await (isFrozen && headOnly ? headOnly : all).run({
      ...feedOf(batch, step, margin, this.#feedParts),
      epsilon: head.epsilon,
      headStepSize: head.stepSize,
      headKeep: head.keep,
      backboneStepSize: backbone.stepSize,
      backboneKeep: backbone.keep,
    });
    const { losses, stop } = (await this.#ranks?.agree(own)) ?? { losses: [own], stop: false };
    this.stopAgreed = stop;
    this.#finite.checkLoss({ step, rates, margin, batch }, own, losses);
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  }

  /** What the next step will see: nothing changes. @throws UserError when there is no next step */
  async nextBatch(): Promise<NextBatch> {
    if (this.stepsDone >= this.totalSteps) {
      const what = `The run is complete after ${this.totalSteps} steps: there is no next batch.`;
      throw new UserError(what, "Build the trainer anew, or with a larger nEpochs.");
    }
    const step = this.stepsDone + 1;
    const position = positionOf(step, this.stepsPerEpoch);
    const batch = await this.#batches.batchAt(position);
    return {
      feed: feedOf(batch, step, marginOf(this.config, position.epoch), this.#feedParts),
      files: batch.files,
    };
  }

  /** `for await (const step of trainer)`: all steps that are left; `break` stops between two of them. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StepMetric, void> {
    for (let metric = await this.step(); metric; metric = await this.step()) yield metric;
  }

  /** Frees the session with the weights and the optimizer's state. */
  dispose(): void {
    this.program.dispose();
  }
}
