// Builds a trainer's session: its variables and its traced steps.

import { UserError } from "../../common/errors";
import type { TrainerSettings } from "../../config/parts";
import { Program } from "../../engine/program/program";
import type { FeatureFunction } from "../../model/embedding_model";
import type { PatchCounts } from "../../model/patch_dropout";
import { isOfTower } from "../../model/weight_names";
import { fillProgram, type WeightSource } from "../../model/weight_source";
import type { BatchSource } from "../data/batches";
import { shardPlan, shardSource, stepShards, WholeHead } from "../ranks/head_shards";
import type { Ranks } from "../ranks/ranks";
import { type Averages, createAverages } from "../step/averages";
import { declareOptimizer } from "../step/optimizer_state";
import { type StepParts, type TrainStep, traceStep, trainedNames } from "../step/step";

/** The parts of a trainer. */
export interface TrainerParts {
  config: Readonly<TrainerSettings>;
  batches: BatchSource;
  features: FeatureFunction;
  /** Shape of a batch's inputs. */
  inputShape: readonly number[];
  /** Length F of a feature vector. */
  featureCount: number;
  /** Numbers of an image's patches, with patch dropout. */
  patches?: PatchCounts | undefined;
  /** All weights by name; the trainer closes their source. */
  weights: WeightSource;
  /** The processes that train together; default: this one alone. */
  ranks?: Ranks;
}

/** A step that trains all parts, and one that does not change the backbone, if the run has such epochs. */
export interface TrainSteps {
  all: TrainStep;
  headOnly: TrainStep | undefined;
}

/** A session with its variables and traced steps. */
export interface TrainerGraphs {
  /** Its variables are the weights by name, and `optimizer.*`. */
  program: Program;
  /** The parts that the steps were traced from. */
  stepParts: StepParts;
  steps: TrainSteps;
  averages: Averages;
  /** Shapes of a checkpoint's tensors: the weights, the optimizer's moments, and averages of the weights. */
  shapes: ReadonlyMap<string, readonly number[]>;
  /** Set if the head is sharded over the processes. */
  wholeHead: WholeHead | undefined;
}

/**
 * Moves the weights into a session and traces the training steps.
 * @throws UserError if there is no whole batch, or a batch cannot be divided into equal pieces
 */
export async function traceTrainer(parts: TrainerParts): Promise<TrainerGraphs> {
  requireWholeBatches(parts);
  const { config, features, inputShape, featureCount, ranks } = parts;
  const program = new Program(ranks?.cluster.sessionOptions);
  const plan = shardPlan(config, parts.weights, ranks);
  const source = plan ? shardSource(parts.weights, plan) : parts.weights;
  const { shapes } = source;
  await fillProgram(program, source);
  const trained = new Map(trainedNames(shapes, config).map((name) => [name, shapes.get(name)!]));
  const optimizer = await declareOptimizer(program, trained, config);
  const stepParts = {
    config,
    shapes,
    features,
    inputShape,
    featureCount,
    keptPatches: parts.patches?.kept,
    ranks: ranks?.step,
    shards: plan && stepShards(config, ranks!, plan),
  };
  const headOnly = [...trained.keys()].filter((name) => !isOfTower(name));
  const steps = {
    all: traceStep(program, stepParts),
    headOnly: config.frozenEpochs > 0 ? traceStep(program, { ...stepParts, trained: headOnly }) : undefined,
  };
  const averages = await createAverages(program, shapes, config);
  const all = new Map([...shapes, ...optimizer, ...averages.shapes]);
  const wholeHead = plan && new WholeHead(ranks!, program, all, plan);
  return { program, stepParts, steps, averages, shapes: all, wholeHead };
}

function requireWholeBatches({ batches, config: { batchSize, accumulationSteps } }: TrainerParts): void {
  if (batches.stepsPerEpoch < 1) {
    throw new UserError(
      `The training table gives no whole batch of ${batchSize}.`,
      "Lower batchSize, or merge more images.",
    );
  }
  if (batchSize % accumulationSteps !== 0) {
    throw new UserError(
      `A batch of ${batchSize} images cannot be divided into ${accumulationSteps} equal pieces.`,
      "Make batchSize a multiple of accumulationSteps.",
    );
  }
}
