// The training step as one traced function. Shapes: B batch, F features.
import { OPTIMIZER_PREFIX } from "../checkpoints/store";
import { STANDARDISE_NAMES } from "../model/neck";
import type { GraphFunction } from "../tensorflow/graph_function";
import type { Program } from "../tensorflow/program";
import { scope } from "../tensorflow/scope";
import { tf } from "../tensorflow/tf";
import type { TracedVariables } from "../tensorflow/traced_variables";
import { type FeatureFunction, type LossInputs, TOWER_PREFIX, trainingLoss } from "./model";
import { type AdamRates, adamW } from "./optimizer";

/** The optimizer's variables of a weight, named as in PyTorch's AdamW. */
const firstMomentOf = (name: string) => `${OPTIMIZER_PREFIX}exp_avg.${name}`;
const secondMomentOf = (name: string) => `${OPTIMIZER_PREFIX}exp_avg_sq.${name}`;

/** Rates of a step; neck and head have others than the backbone. */
type RateName = "epsilon" | "headStepSize" | "headKeep" | "backboneStepSize" | "backboneKeep";
/** What a step is fed. */
type StepInput = keyof LossInputs | RateName;
/** A traced step: updates all variables and gives the loss, a scalar. */
export type TrainStep = GraphFunction<StepInput, tf.Tensor>;

/** What the step is made of. */
export interface StepParts {
  /** Shapes of all weights by name. */
  shapes: ReadonlyMap<string, readonly number[]>;
  features: FeatureFunction;
  /** Shape of a batch's inputs, [B, ...]. */
  inputShape: readonly number[];
  featureCount: number;
  /** ArcFace's scale. */
  s: number;
}

/** All weights but the standardisation are trained. */
function isTrained(name: string): boolean {
  return !(STANDARDISE_NAMES as readonly string[]).includes(name);
}

/** Declares the moments of every trained weight, zero, and returns their shapes. */
export async function declareMoments(
  program: Program,
  shapes: StepParts["shapes"],
): Promise<Map<string, readonly number[]>> {
  const moments = new Map<string, readonly number[]>();
  for (const [name, shape] of shapes) {
    if (!isTrained(name)) continue;
    for (const moment of [firstMomentOf(name), secondMomentOf(name)]) {
      program.variable(moment, { shape });
      moments.set(moment, shape);
    }
  }
  await program.fillAll(
    [...moments.keys()].map((moment) => [moment, (memory) => void (memory as Float32Array).fill(0)]),
  );
  return moments;
}

/** Traces forward, backward and AdamW into the program whose variables are the weights and moments. */
export function traceStep(program: Program, parts: StepParts): TrainStep {
  const { shapes, features, inputShape, featureCount, s } = parts;
  const trained = [...shapes.keys()].filter(isTrained);
  const fixed = [...shapes.keys()].filter((name) => !isTrained(name));
  const batchSize = inputShape[0]!;
  const scalar = { shape: [] };
  const body = (fed: Readonly<Record<StepInput, tf.Tensor>>, variables: TracedVariables) => {
    const read = (name: string) => [name, variables.read(name)] as const;
    const constants = Object.fromEntries(fixed.map(read));
    const lossOf = (...weights: tf.Tensor[]) => {
      const record = Object.fromEntries(weights.map((weight, i) => [trained[i]!, weight]));
      return trainingLoss(features, { ...constants, ...record }, fed as unknown as LossInputs, s);
    };
    const values = trained.map((name) => variables.read(name));
    const { value: loss, grads } = tf.valueAndGrads(lossOf)(values);
    for (const [i, name] of trained.entries()) {
      scope(`adamw/${name}`, () => update(variables, name, grads[i]!, ratesFor(name, fed)));
    }
    return loss;
  };
  return program.function("train_step", body, {
    inputs: { shape: inputShape },
    labels: { shape: [batchSize], dtype: "int32" },
    keep: { shape: [batchSize, featureCount] },
    margin: scalar,
    epsilon: scalar,
    headStepSize: scalar,
    headKeep: scalar,
    backboneStepSize: scalar,
    backboneKeep: scalar,
  });
}

function ratesFor(name: string, fed: Readonly<Record<RateName, tf.Tensor>>): AdamRates<tf.Scalar> {
  const isBackbone = name.startsWith(TOWER_PREFIX);
  return {
    epsilon: fed.epsilon as tf.Scalar,
    stepSize: (isBackbone ? fed.backboneStepSize : fed.headStepSize) as tf.Scalar,
    keep: (isBackbone ? fed.backboneKeep : fed.headKeep) as tf.Scalar,
  };
}

function update(
  variables: TracedVariables,
  name: string,
  gradient: tf.Tensor,
  rates: AdamRates<tf.Scalar>,
): void {
  const before = {
    value: variables.read(name),
    firstMoment: variables.read(firstMomentOf(name)),
    secondMoment: variables.read(secondMomentOf(name)),
  };
  const after = adamW(before, gradient, rates);
  variables.assign(name, after.value);
  variables.assign(firstMomentOf(name), after.firstMoment);
  variables.assign(secondMomentOf(name), after.secondMoment);
}
