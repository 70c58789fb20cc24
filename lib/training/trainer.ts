import { OPTIMIZER_PREFIX } from "../checkpoints/store";
import { UserError } from "../common/errors";
import { randomStream } from "../common/random";
import type { TrainConfig } from "../config/config";
import { dropoutMask } from "../model/neck";
import type { Weights } from "../model/vit";
import { fillProgram, type WeightSource } from "../model/weight_source";
import { Program } from "../tensorflow/program";
import { tf } from "../tensorflow/tf";
import { type Batch, type BatchSource, positionOf } from "./batches";
import type { StepMetric } from "./metrics";
import { type FeatureFunction, TOWER_PREFIX } from "./model";
import { adamRates } from "./optimizer";
import { declareOptimizer } from "./optimizer_state";
import { isBackboneFrozen, learningRate, marginOf, type Position } from "./schedule";
import { type TrainStep, traceStep, trainedNames } from "./step";

/** What a trainer is made of. */
export interface TrainerParts {
  config: Readonly<TrainConfig>;
  batches: BatchSource;
  features: FeatureFunction;
  /** Shape of a batch's inputs. */
  inputShape: readonly number[];
  /** Length F of a feature vector. */
  featureCount: number;
  /** All weights by name; the trainer closes their source. */
  weights: WeightSource;
}

/** A step that trains all parts, and one that leaves the backbone as it is, where the run has such epochs. */
interface Steps {
  all: TrainStep;
  headOnly: TrainStep | undefined;
}

/**
 * Holds the weights and the optimizer's state in a TensorFlow session, and takes one step at a time:
 * `await trainer.step()` in a cell, or the loop of `runTraining`.
 */
export class Trainer {
  readonly config: Readonly<TrainConfig>;
  readonly totalSteps: number;
  /** Its variables are the weights by name, and `optimizer.*`. */
  readonly program: Program;
  /** All that a checkpoint holds: the weights and the optimizer's moments. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Optimizer steps taken so far, over all epochs. */
  stepsDone = 0;
  readonly #batches: BatchSource;
  readonly #featureCount: number;
  readonly #steps: Steps;
  readonly #startedAtMs = Date.now();

  /** Moves the weights into a session and traces the training step. */
  static async create(parts: TrainerParts): Promise<Trainer> {
    if (parts.batches.stepsPerEpoch < 1) {
      throw new UserError(
        `The training table gives no whole batch of ${parts.config.batchSize}.`,
        "Lower batchSize, or merge more images.",
      );
    }
    const { batchSize, accumulationSteps } = parts.config;
    if (batchSize % accumulationSteps !== 0) {
      throw new UserError(
        `A batch of ${batchSize} images cannot go through in ${accumulationSteps} equal pieces.`,
        "Make batchSize a multiple of accumulationSteps.",
      );
    }
    const program = new Program();
    const { shapes } = parts.weights;
    await fillProgram(program, parts.weights);
    const { config, features, inputShape, featureCount } = parts;
    const trained = new Map(trainedNames(shapes).map((name) => [name, shapes.get(name)!]));
    const optimizer = await declareOptimizer(program, trained, config);
    const stepParts = { config, shapes, features, inputShape, featureCount };
    const headOnly = [...trained.keys()].filter((name) => !name.startsWith(TOWER_PREFIX));
    const steps = {
      all: traceStep(program, stepParts),
      headOnly: config.frozenEpochs > 0 ? traceStep(program, { ...stepParts, trained: headOnly }) : undefined,
    };
    return new Trainer(parts, program, steps, new Map([...shapes, ...optimizer]));
  }

  private constructor(
    parts: TrainerParts,
    program: Program,
    steps: Steps,
    shapes: ReadonlyMap<string, readonly number[]>,
  ) {
    this.config = parts.config;
    this.program = program;
    this.totalSteps = parts.batches.stepsPerEpoch * parts.config.nEpochs;
    this.#batches = parts.batches;
    this.#featureCount = parts.featureCount;
    this.#steps = steps;
    this.shapes = shapes;
  }

  /** The traced functions of a step, in the order in which it runs them: `show(trainer.functions[0])` draws one. */
  get functions(): TrainStep["functions"] {
    return this.#steps.all.functions;
  }

  /** Steps in each epoch. */
  get stepsPerEpoch(): number {
    return this.#batches.stepsPerEpoch;
  }

  /** Neck and head as tensors, as they are now; the caller frees them. */
  async headWeights(): Promise<Weights> {
    const isHead = (name: string) => !name.startsWith(TOWER_PREFIX) && !name.startsWith(OPTIMIZER_PREFIX);
    const weights: Weights = {};
    await this.program.viewAll([...this.shapes.keys()].filter(isHead), (name, memory) => {
      weights[name] = tf.tensor(Float32Array.from(memory as Float32Array), [...this.shapes.get(name)!]);
    });
    return weights;
  }

  /**
   * Takes the next optimizer step.
   * @returns what it measured, or undefined when the run is complete
   * @throws UserError when the loss is not a finite number: the weights are spoilt, the last checkpoint is not
   */
  async step(): Promise<StepMetric | undefined> {
    if (this.stepsDone >= this.totalSteps) return undefined;
    const { config } = this;
    const startedAtMs = Date.now();
    const step = this.stepsDone + 1;
    const position = positionOf(step, this.stepsPerEpoch);
    const rate = learningRate(config, position, this.stepsPerEpoch);
    const batch = await this.#batches.batchAt(position);
    const loss = await this.#update(batch, step, position, rate);
    this.stepsDone = step;
    const now = Date.now();
    return {
      kind: "step",
      stage: config.stage,
      epoch: position.epoch,
      step,
      totalSteps: this.totalSteps,
      loss,
      learningRate: rate,
      backboneLearningRate:
        config.stage === "frozen" || isBackboneFrozen(config, position.epoch)
          ? 0
          : rate * config.backboneLrFactor,
      margin: marginOf(config, position.epoch),
      imagesPerSecond: batch.files.length / Math.max(1e-3, (now - startedAtMs) / 1000),
      memoryMB: Math.round(process.memoryUsage().rss / 2 ** 20),
      elapsedSeconds: (now - this.#startedAtMs) / 1000,
    };
  }

  /** Forward, backward and AdamW on one batch; returns the loss. */
  async #update(batch: Batch, step: number, position: Position, rate: number): Promise<number> {
    const { config } = this;
    const margin = marginOf(config, position.epoch);
    const random = randomStream(config.seed, "dropout", step);
    const head = adamRates(step, rate, config.weightDecay);
    const backbone = adamRates(step, rate * config.backboneLrFactor, config.weightDecay);
    const { all, headOnly } = this.#steps;
    const isFrozen = isBackboneFrozen(config, position.epoch);
    const loss = await (isFrozen && headOnly ? headOnly : all).run({
      inputs: batch.inputs,
      labels: batch.labels,
      keep: dropoutMask(batch.labels.length * this.#featureCount, config.dropout, random),
      margin,
      epsilon: head.epsilon,
      headStepSize: head.stepSize,
      headKeep: head.keep,
      backboneStepSize: backbone.stepSize,
      backboneKeep: backbone.keep,
    });
    if (Number.isFinite(loss)) return loss;
    throw new UserError(
      `The loss of step ${step} is ${loss} (learning rate ${rate}, margin ${margin}; images: ${batch.files.join(", ")}).`,
      "Lower initLr or backboneLrFactor; the last checkpoint is unharmed.",
    );
  }

  /** Frees the session with the weights and the optimizer's state. */
  dispose(): void {
    this.program.dispose();
  }
}
