// Traces the training step: loss, gradients, AdamW. Shapes: B batch, F features, n pieces of a batch.
import { UserError } from "../../common/errors";
import { rowOf, rowsIn } from "../../common/vectors";
import type { OptimiserSettings } from "../../config/optimiser";
import type { StepSettings } from "../../config/parts";
import { floatsOf } from "../../engine/native/dtypes";
import { tf } from "../../engine/native/tf";
import type { GraphFunction } from "../../engine/program/graph_function";
import type { Program } from "../../engine/program/program";
import type { TensorSpec } from "../../engine/program/specs";
import type { TracedVariables } from "../../engine/program/traced_variables";
import { rawOp } from "../../engine/tracing/raw_op";
import { scope } from "../../engine/tracing/scope";
import {
  type FeatureFunction,
  type LossInputs,
  type StepShards,
  trainingLoss,
} from "../../model/embedding_model";
import { rowsPerClass } from "../../model/head";
import type { NeckTraining } from "../../model/neck";
import { accumulatedOf, FIXED_NAMES, HEAD_WEIGHT, isOfTower, placeInTower } from "../../model/weight_names";
import { allFinite, lossScale, updateLossScale } from "./loss_scale";
import { type AdamRates, applyAdamW, hasDecay } from "./optimizer";

/** Rates of a step, separate for neck with head and for the backbone. */
type RateName = "epsilon" | "headStepSize" | "headKeep" | "backboneStepSize" | "backboneKeep";
type Rates<T> = Readonly<Record<RateName, T>>;

/** A whole batch with its random numbers. */
export interface LossFeed {
  /** [B, ...], flat. */
  inputs: Float32Array;
  /** [B]. */
  labels: Int32Array;
  /** Dropout mask [B, F], flat. */
  keep: Float32Array;
  /** ArcFace margin, radians. */
  margin: number;
  /** Random numbers that sample this process's classes, [S], if the step samples classes. */
  draws?: Float32Array;
}

/** The feed of a step: a whole batch, and the step's rates. */
export interface StepFeed extends Rates<number>, LossFeed {}

/** A traced step. */
export interface TrainStep {
  /** Updates all variables with one batch, and returns its loss. */
  run(fed: StepFeed): Promise<number>;
  /** The graphs of a step, in the order of execution. */
  readonly functions: readonly GraphFunction<never, unknown>[];
}

/** The parts of a step. */
export interface StepParts {
  /** The settings that change its graph. */
  config: StepSettings;
  /** Shapes of all weights by name. */
  shapes: ReadonlyMap<string, readonly number[]>;
  /** Names of the weights that the step trains; default: all that a run trains. */
  trained?: readonly string[];
  features: FeatureFunction;
  /** Shape of a batch's inputs, [B, ...]; B is a multiple of `accumulationSteps`. */
  inputShape: readonly number[];
  featureCount: number;
  /** The processes that train together; default: this one alone. */
  ranks?: StepRanks;
  /** The shards of the head, if these processes divide its rows. */
  shards?: StepShards;
}

/** A step's operations over all processes. */
export interface StepRanks extends NonNullable<NeckTraining["ranks"]> {
  /** Returns the mean of the processes' gradients, by weight. */
  meanGradients(gradients: ReadonlyMap<string, tf.Tensor>): ReadonlyMap<string, tf.Tensor>;
}

/**
 * Returns the names of the weights that a run trains: all except running statistics and other fixed ones, and, with
 * `trainedBlocks`, except everything before these last blocks of the backbone.
 * @throws UserError if the backbone has fewer blocks
 */
export function trainedNames(
  shapes: StepParts["shapes"],
  { trainedBlocks }: Pick<OptimiserSettings, "trainedBlocks">,
): string[] {
  const names = [...shapes.keys()].filter((name) => !FIXED_NAMES.includes(name));
  const blockOf = (name: string) => {
    const place = placeInTower(name);
    return typeof place === "number" ? place : -1;
  };
  const blocks = 1 + Math.max(-1, ...names.map(blockOf));
  if (trainedBlocks === 0 || blocks === 0) return names;
  if (trainedBlocks > blocks)
    throw new UserError(
      `trainedBlocks is ${trainedBlocks}, the backbone has ${blocks} blocks.`,
      `Give 1 .. ${blocks}, or 0.`,
    );
  const isBefore = (name: string) => {
    const place = placeInTower(name);
    return typeof place === "number" ? place < blocks - trainedBlocks : place === "before";
  };
  return names.filter((name) => !isBefore(name));
}

/**
 * Traces forward pass, backward pass and AdamW into a program that has the weights and the optimizer's variables
 * (`declareOptimizer`). With `accumulationSteps` n, a batch is divided into n pieces, and their gradients are summed in
 * the session before one update: this needs the memory of a batch of B / n, and gives the same result.
 */
export function traceStep(program: Program, parts: StepParts): TrainStep {
  return parts.config.accumulationSteps === 1
    ? stepAtOnce(program, parts)
    : stepInPieces(program, parts, parts.config.accumulationSteps);
}

function trainedBy({ trained, shapes, config }: StepParts): readonly string[] {
  return trained ?? trainedNames(shapes, config);
}

const RATES = {
  epsilon: { shape: [] },
  headStepSize: { shape: [] },
  headKeep: { shape: [] },
  backboneStepSize: { shape: [] },
  backboneKeep: { shape: [] },
};

/** Returns the input specs of a graph for `count` images. */
export function batchSpecs(
  { config, inputShape, featureCount, shapes, shards }: StepParts,
  count: number,
): Record<string, TensorSpec> {
  const head = shapes.get(HEAD_WEIGHT)!;
  return {
    inputs: { shape: [count, ...inputShape.slice(1)] },
    labels: { shape: [count], dtype: "int32" as const },
    keep: { shape: [count, featureCount] },
    margin: { shape: [] },
    ...(shards?.sampleSize && { draws: { shape: [head[0]! / rowsPerClass(config)] } }),
  };
}

function stepAtOnce(program: Program, parts: StepParts): TrainStep {
  const specs = { ...batchSpecs(parts, parts.inputShape[0]!), ...RATES };
  const step = program.function(
    "train_step",
    (fed, variables) => {
      const { loss, gradients } = lossAndGradients(parts, fed as unknown as LossInputs, variables);
      update(parts, variables, gradients, fed as unknown as Rates<tf.Scalar>);
      return loss;
    },
    specs,
  );
  return {
    run: async ({ draws, ...fed }) => floatsOf(await step.run({ ...fed, ...(draws && { draws }) }))[0]!,
    functions: [step],
  };
}

function stepInPieces(program: Program, parts: StepParts, pieces: number): TrainStep {
  const accumulate = program.function(
    "accumulate",
    (fed, variables) => {
      const { loss, gradients } = lossAndGradients(parts, fed as unknown as LossInputs, variables);
      for (const [name, gradient] of gradients) {
        rawOp("AssignAddVariableOp", [variables.handle(accumulatedOf(name)), tf.div(gradient, pieces)]);
      }
      return loss;
    },
    batchSpecs(parts, parts.inputShape[0]! / pieces),
  );
  const apply = program.function(
    "apply",
    (fed, variables) => {
      const read = (name: string) => [name, variables.read(accumulatedOf(name))] as const;
      const gradients = new Map(trainedBy(parts).map(read));
      update(parts, variables, gradients, fed as unknown as Rates<tf.Scalar>);
      for (const [name, sum] of gradients) variables.assign(accumulatedOf(name), tf.zerosLike(sum));
    },
    RATES,
  );
  const run = async ({ inputs, labels, keep, margin, draws, ...rates }: StepFeed) => {
    const losses: number[] = [];
    for (let i = 0; i < pieces; i++) {
      const piece = <T extends Float32Array | Int32Array>(all: T) => rowOf(rowsIn(all, pieces), i);
      const fed = {
        inputs: piece(inputs),
        labels: piece(labels),
        keep: piece(keep),
        margin,
        ...(draws && { draws }),
      };
      losses.push(floatsOf(await accumulate.run(fed))[0]!);
    }
    await apply.run(rates);
    return losses.reduce((sum, loss) => sum + loss, 0) / pieces;
  };
  return { run, functions: [accumulate, apply] };
}

/** Traces the mean loss of a batch, and its gradients by weight; in float16 these are multiplied by the loss scale. */
export function lossAndGradients(
  parts: StepParts,
  fed: LossInputs,
  variables: TracedVariables,
  assign = (name: string, value: tf.Tensor): void => variables.assign(name, value),
): { loss: tf.Scalar; gradients: Map<string, tf.Tensor>; scale?: tf.Scalar } {
  const { config, shapes, features, ranks, shards } = parts;
  const trained = trainedBy(parts);
  const fixed = [...shapes.keys()].filter((name) => !trained.includes(name));
  const constants = Object.fromEntries(fixed.map((name) => [name, variables.read(name)]));
  const scale = config.precision === "float16" ? lossScale(variables) : undefined;
  const lossOf = (...weights: tf.Tensor[]) => {
    const record = Object.fromEntries(weights.map((weight, i) => [trained[i]!, weight]));
    const loss = trainingLoss(features, { ...constants, ...record }, fed, config, { assign, ranks, shards });
    return scale ? tf.mul<tf.Scalar>(loss, scale) : loss;
  };
  const values = trained.map((name) => variables.read(name));
  const { value, grads } = tf.valueAndGrads(lossOf)(values);
  const gradients = new Map(trained.map((name, i) => [name, grads[i]!]));
  return { loss: (scale ? tf.div(value, scale) : value) as tf.Scalar, gradients, scale };
}

/** Traces AdamW on every trained weight, with all processes' gradients; in float16 it skips steps that overflowed. */
function update(
  { config, ranks }: StepParts,
  variables: TracedVariables,
  localGradients: ReadonlyMap<string, tf.Tensor>,
  fed: Rates<tf.Scalar>,
): void {
  const gradients = ranks?.meanGradients(localGradients) ?? localGradients;
  const isScaled = config.precision === "float16";
  const finite = isScaled ? allFinite([...gradients.values()]) : undefined;
  for (const [name, gradient] of gradients) {
    scope(`adamw/${name}`, () => {
      const unscaled = isScaled ? tf.div(gradient, lossScale(variables)) : gradient;
      const largestRate = config.initLr * (isOfTower(name) ? config.backboneLrFactor : 1);
      const decays = hasDecay(largestRate, config.weightDecay);
      applyAdamW(variables, name, unscaled, ratesFor(name, fed), { decays, finite });
    });
  }
  if (finite) updateLossScale(variables, finite);
}

function ratesFor(name: string, fed: Rates<tf.Scalar>): AdamRates<tf.Scalar> {
  return {
    epsilon: fed.epsilon,
    stepSize: isOfTower(name) ? fed.backboneStepSize : fed.headStepSize,
    keep: isOfTower(name) ? fed.backboneKeep : fed.headKeep,
  };
}
