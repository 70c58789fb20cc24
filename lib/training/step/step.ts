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
  type LossRanks,
  type StepShards,
  trainingLoss,
} from "../../model/embedding_model";
import { rowsPerClass } from "../../model/head";
import {
  accumulatedOf,
  FIXED_NAMES,
  HEAD_WEIGHT,
  isAdapter,
  isOfTower,
  placeInTower,
} from "../../model/weight_names";
import { clipFactor } from "./clip";
import { allFinite, lossScale, updateLossScale } from "./loss_scale";
import { applyAdamW, hasDecay } from "./optimizer";
import { type RateGroup, rateGroups, rateSpecs, ratesOfGroup, type StepRates } from "./rate_groups";

/** A whole batch with its random numbers. */
export interface LossFeed {
  /** [B, ...], flat. */
  inputs: Float32Array;
  /** [B]. */
  labels: Int32Array;
  /** Dropout mask [B, F], flat. */
  keep: Float32Array;
  /** With patch dropout: the patches of each image that the step computes, [B, M], flat. */
  patches?: Int32Array;
  /** ArcFace margin, radians. */
  margin: number;
  /** Random numbers that sample this process's classes, [S], if the step samples classes. */
  draws?: Float32Array;
}

/** The feed of a step: a whole batch, and the step's rates. */
export interface StepFeed extends LossFeed {
  /** `groupRates` of the step's groups. */
  rates: StepRates<number>;
}

/** A traced step. */
export interface TrainStep {
  /** Updates all variables with one batch, and returns its loss. */
  run(fed: StepFeed): Promise<number>;
  /** The groups of its trained weights that share a learning rate. */
  readonly groups: readonly RateGroup[];
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
  /** M, with patch dropout. */
  keptPatches?: number | undefined;
  /** The processes that train together; default: this one alone. */
  ranks?: StepRanks;
  /** The shards of the head, if these processes divide its rows. */
  shards?: StepShards;
}

/** A step's operations over all processes. */
export interface StepRanks extends LossRanks {
  /** Returns the mean of the processes' gradients, by weight. */
  meanGradients(gradients: ReadonlyMap<string, tf.Tensor>): ReadonlyMap<string, tf.Tensor>;
}

/**
 * Returns the names of the weights that a run trains: all except running statistics and other fixed ones; with
 * `trainedBlocks`, except everything before these last blocks of the backbone; of a backbone with adapters only these.
 * @throws UserError if the backbone has fewer blocks
 */
export function trainedNames(
  shapes: StepParts["shapes"],
  { trainedBlocks }: Pick<OptimiserSettings, "trainedBlocks">,
): string[] {
  const all = [...shapes.keys()].filter((name) => !FIXED_NAMES.includes(name));
  const hasAdapters = all.some(isAdapter);
  const names = hasAdapters ? all.filter((name) => !isOfTower(name) || isAdapter(name)) : all;
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

/** Returns the group of each trained weight, and the groups. */
function groupsBy(parts: StepParts): { groupOf: Map<string, RateGroup>; groups: RateGroup[] } {
  const groupOf = rateGroups([...parts.shapes.keys()], parts.config);
  return { groupOf, groups: [...new Set(trainedBy(parts).map((name) => groupOf.get(name)!))] };
}

/** Returns the input specs of a graph for `count` images. */
export function batchSpecs(
  { config, inputShape, featureCount, keptPatches, shapes, shards }: StepParts,
  count: number,
): Record<string, TensorSpec> {
  const head = shapes.get(HEAD_WEIGHT)!;
  return {
    inputs: { shape: [count, ...inputShape.slice(1)] },
    labels: { shape: [count], dtype: "int32" as const },
    keep: { shape: [count, featureCount] },
    margin: { shape: [] },
    ...(keptPatches && { patches: { shape: [count, keptPatches], dtype: "int32" as const } }),
    ...(shards?.sampleSize && { draws: { shape: [head[0]! / rowsPerClass(config)] } }),
  };
}

function stepAtOnce(program: Program, parts: StepParts): TrainStep {
  const { groups } = groupsBy(parts);
  const specs = { ...batchSpecs(parts, parts.inputShape[0]!), ...rateSpecs(groups) };
  const step = program.function(
    "train_step",
    (fed, variables) => {
      const { loss, gradients } = lossAndGradients(parts, fed as unknown as LossInputs, variables);
      update(parts, variables, gradients, fed as unknown as StepRates<tf.Scalar>);
      return loss;
    },
    specs,
  );
  return {
    run: async ({ rates, ...batch }) => floatsOf(await step.run({ ...givenIn(batch), ...rates }))[0]!,
    groups,
    functions: [step],
  };
}

function stepInPieces(program: Program, parts: StepParts, pieces: number): TrainStep {
  const { groups } = groupsBy(parts);
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
      update(parts, variables, gradients, fed as unknown as StepRates<tf.Scalar>);
      for (const [name, sum] of gradients) variables.assign(accumulatedOf(name), tf.zerosLike(sum));
    },
    rateSpecs(groups),
  );
  const run = async ({ rates, ...batch }: StepFeed) => {
    const losses: number[] = [];
    for (let i = 0; i < pieces; i++)
      losses.push(floatsOf(await accumulate.run(givenIn(pieceOf(batch, pieces, i))))[0]!);
    await apply.run(rates);
    return losses.reduce((sum, loss) => sum + loss, 0) / pieces;
  };
  return { run, groups, functions: [accumulate, apply] };
}

/** Returns one of `pieces` equal pieces of a batch. */
export function pieceOf(batch: LossFeed, pieces: number, index: number): LossFeed {
  const piece = <T extends Float32Array | Int32Array>(all: T) => rowOf(rowsIn(all, pieces), index);
  const { inputs, labels, keep, patches } = batch;
  return {
    ...batch,
    ...{ inputs: piece(inputs), labels: piece(labels), keep: piece(keep) },
    ...(patches && { patches: piece(patches) }),
  };
}

/** Returns a graph's feed: what a batch has. */
export function givenIn({ draws, patches, ...fed }: LossFeed): Omit<LossFeed, "draws" | "patches"> {
  return { ...fed, ...(draws && { draws }), ...(patches && { patches }) };
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

/**
 * Traces AdamW on every trained weight, with all processes' gradients, clipped by their norm if the config says so; in
 * float16 it skips steps that overflowed.
 */
function update(
  parts: StepParts,
  variables: TracedVariables,
  localGradients: ReadonlyMap<string, tf.Tensor>,
  fed: StepRates<tf.Scalar>,
): void {
  const { config, ranks, shapes } = parts;
  const { groupOf, groups } = groupsBy(parts);
  const gradients = ranks?.meanGradients(localGradients) ?? localGradients;
  const scale = config.precision === "float16" ? lossScale(variables) : undefined;
  const finite = scale && allFinite([...gradients.values()]);
  const factor =
    config.clipNorm > 0
      ? scope("clip", () => clipFactor([...gradients.values()], config.clipNorm, scale))
      : undefined;
  for (const [name, gradient] of gradients) {
    scope(`adamw/${name}`, () => {
      const unscaled = scale ? tf.div(gradient, scale) : gradient;
      const clipped = factor ? tf.mul(unscaled, factor) : unscaled;
      const group = groupOf.get(name)!;
      const largestRate = config.initLr * group.share * (isOfTower(name) ? config.backboneLrFactor : 1);
      const isDecayed = config.weightDecayOn === "all" || shapes.get(name)!.length > 1;
      const decays = isDecayed && hasDecay(largestRate, config.weightDecay);
      const rates = ratesOfGroup(fed, groups.indexOf(group));
      applyAdamW(variables, name, clipped, { rates, betas: config, decays, finite });
    });
  }
  if (finite) updateLossScale(variables, finite);
}
