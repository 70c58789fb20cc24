import { UserError } from "../common/errors";
import { randomStream } from "../common/random";
import type { TrainConfig } from "../config/config";
import { dropoutMask, STANDARDISE_NAMES } from "../model/neck";
import type { Weights } from "../model/vit";
import { tf } from "../tensorflow/tf";
import { type Batch, type BatchSource, positionOf } from "./batches";
import type { StepMetric } from "./metrics";
import { type FeatureFunction, TOWER_PREFIX, trainingLoss } from "./model";
import { adamW, createParameter, type Parameter } from "./optimizer";
import { learningRate, marginOf } from "./schedule";

/** What a trainer is made of. */
export interface TrainerParts {
  config: Readonly<TrainConfig>;
  batches: BatchSource;
  features: FeatureFunction;
  /** Length F of a feature vector. */
  featureCount: number;
  /** All weights by name; the trainer takes them over and disposes of them. */
  weights: Weights;
}

/**
 * Holds the weights and the optimizer's state, and takes one step at a time:
 * `await trainer.step()` in a cell, or the loop of `runTraining`.
 */
export class Trainer {
  readonly config: Readonly<TrainConfig>;
  readonly totalSteps: number;
  /** Optimizer steps taken so far, over all epochs. */
  stepsDone = 0;
  readonly parameters: Parameter[] = [];
  readonly #parts: TrainerParts;
  readonly #fixed: Weights = {};
  readonly #startedAtMs = Date.now();

  constructor(parts: TrainerParts) {
    this.#parts = parts;
    this.config = parts.config;
    this.totalSteps = parts.batches.stepsPerEpoch * parts.config.nEpochs;
    if (parts.batches.stepsPerEpoch < 1) {
      throw new UserError(
        `The training table gives no whole batch of ${parts.config.batchSize}.`,
        "Lower batchSize, or merge more images.",
      );
    }
    for (const [name, weight] of Object.entries(parts.weights)) {
      if ((STANDARDISE_NAMES as readonly string[]).includes(name)) this.#fixed[name] = weight;
      else this.parameters.push(createParameter(name, tf.variable(weight)));
    }
  }

  /** Steps in each epoch. */
  get stepsPerEpoch(): number {
    return this.#parts.batches.stepsPerEpoch;
  }

  /** All weights by name, as they are now. They belong to the trainer. */
  weights(): Weights {
    return { ...this.#fixed, ...Object.fromEntries(this.parameters.map(({ name, value }) => [name, value])) };
  }

  /**
   * Takes the next optimizer step.
   * @returns what it measured, or undefined when the run is complete
   * @throws UserError when the loss is not a finite number; the weights are then those before the step
   */
  async step(): Promise<StepMetric | undefined> {
    if (this.stepsDone >= this.totalSteps) return undefined;
    const { config } = this;
    const startedAtMs = Date.now();
    const step = this.stepsDone + 1;
    const position = positionOf(step, this.stepsPerEpoch);
    const rate = learningRate(config, position, this.stepsPerEpoch);
    const margin = marginOf(config, position.epoch);
    const batch = await this.#parts.batches.batchAt(position);
    const loss = this.#update(batch, step, rate, margin);
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
      backboneLearningRate: config.stage === "frozen" ? 0 : rate * config.backboneLrFactor,
      margin,
      imagesPerSecond: batch.files.length / Math.max(1e-3, (now - startedAtMs) / 1000),
      memoryMB: Math.round(process.memoryUsage().rss / 2 ** 20),
      elapsedSeconds: (now - this.#startedAtMs) / 1000,
    };
  }

  /** Forward, backward and AdamW on one batch; returns the loss. */
  #update(batch: Batch, step: number, rate: number, margin: number): number {
    const { loss, gradients } = this.#lossAndGradients(batch, step, margin);
    try {
      if (!Number.isFinite(loss)) throw lossNotFinite(loss, step, rate, margin, batch);
      for (const [i, parameter] of this.parameters.entries()) {
        const factor = parameter.name.startsWith(TOWER_PREFIX) ? this.config.backboneLrFactor : 1;
        adamW(parameter, gradients[i]!, step, rate * factor, this.config.weightDecay);
      }
      return loss;
    } finally {
      tf.dispose(gradients);
    }
  }

  #lossAndGradients(batch: Batch, step: number, margin: number): { loss: number; gradients: tf.Tensor[] } {
    const { config, features, featureCount } = this.#parts;
    const batchSize = batch.labels.length;
    const mask = dropoutMask(
      batchSize * featureCount,
      config.dropout,
      randomStream(config.seed, "dropout", step),
    );
    const values = this.parameters.map(({ value }) => value as tf.Tensor);
    const names = this.parameters.map(({ name }) => name);
    const { value, grads } = tf.tidy(() => {
      const tensors = {
        inputs: tf.tensor(batch.inputs, batch.shape),
        labels: tf.tensor1d(batch.labels, "int32"),
        keep: tf.tensor2d(mask, [batchSize, featureCount]),
        margin: tf.scalar(margin),
      };
      const lossOf = (...weights: tf.Tensor[]) => {
        const record = Object.fromEntries(weights.map((weight, i) => [names[i]!, weight]));
        return trainingLoss(features, { ...this.#fixed, ...record }, tensors, config.s);
      };
      return tf.valueAndGrads(lossOf)(values);
    });
    const loss = value.dataSync()[0]!;
    value.dispose();
    return { loss, gradients: grads };
  }

  /** Frees the weights and the optimizer's state. */
  dispose(): void {
    tf.dispose(this.#fixed);
    for (const { value, firstMoment, secondMoment } of this.parameters)
      tf.dispose([value, firstMoment, secondMoment]);
  }
}

function lossNotFinite(loss: number, step: number, rate: number, margin: number, batch: Batch): UserError {
  return new UserError(
    `The loss of step ${step} is ${loss} (learning rate ${rate}, margin ${margin}; images: ${batch.files.join(", ")}).`,
    "Lower initLr or backboneLrFactor; the last checkpoint is unharmed.",
  );
}
