// Norms of the gradients and weights in each part of the model, for inspection between two steps.

import { tf } from "../../engine/native/tf";
import type { GraphFunction } from "../../engine/program/graph_function";
import type { TracedVariables } from "../../engine/program/traced_variables";
import type { LossInputs } from "../../model/embedding_model";
import { placeInTower } from "../../model/weight_names";
import { batchSpecs, givenIn, lossAndGradients, pieceOf, type StepParts } from "../step/step";
import type { Trainer } from "./trainer";

/** Norms of one part of the model: the part before the blocks, a block, the part after them, the neck, the head. */
export interface GradientNorm {
  /** `embed`, `block00`, `block01`, ..., `end`, `neck`, `head` */
  part: string;
  /** Euclidean length of the gradients of all its weights. */
  gradient: number;
  /** Euclidean length of all its weights. */
  weight: number;
  /** gradient / weight */
  ratio: number;
}

/** Returns the part of the model that a weight belongs to. */
function partOf(name: string): string {
  const place = placeInTower(name);
  if (place === undefined) return name.split(".")[0]!;
  if (typeof place === "number") return `block${String(place).padStart(2, "0")}`;
  return place === "before" ? "embed" : "end";
}

/**
 * Computes the norms of the next step's gradients and of the weights, from the model's first part to its last, without
 * changing anything. If a batch is divided into pieces, only its first piece is used.
 * @throws UserError if the run is complete: there is no next step
 * @example
 * const norms = await gradientNorms(setup.trainer);
 */
export async function gradientNorms(trainer: Trainer): Promise<GradientNorm[]> {
  const { feed } = await trainer.nextBatch();
  const { accumulationSteps } = trainer.config;
  const traced = TRACED.get(trainer) ?? traceNorms(trainer);
  TRACED.set(trainer, traced);
  const norms = await traced.run(givenIn(pieceOf(feed, accumulationSteps, 0)));
  return Object.entries(norms)
    .map(([part, lengths]) => {
      const [gradient, weight] = [lengths.gradient, lengths.weight].map(({ data }) => Number(data[0]));
      return { part, gradient: gradient!, weight: weight!, ratio: gradient! / weight! };
    })
    .sort((a, b) => placeOf(a.part) - placeOf(b.part));
}

type Norms = Record<string, { gradient: tf.Tensor; weight: tf.Tensor }>;
type TracedNorms = GraphFunction<"inputs" | "labels" | "keep" | "margin", Norms>;

/** The traced function of each trainer, made at its first use. */
const TRACED = new WeakMap<Trainer, TracedNorms>();

function traceNorms({ program, stepParts, config }: Trainer): TracedNorms {
  return program.function(
    "gradient_norms",
    (fed, variables) => normsByPart(stepParts, fed as unknown as LossInputs, variables),
    batchSpecs(stepParts, config.batchSize / config.accumulationSteps),
  );
}

function normsByPart(parts: StepParts, fed: LossInputs, variables: TracedVariables): Norms {
  const assignNothing = () => {}; // a batch norm's running values stay as they are
  const { gradients, scale } = lossAndGradients(parts, fed, variables, assignNothing);
  const names = [...gradients.keys()];
  const lengthOf = (tensors: readonly tf.Tensor[]) =>
    tf.sqrt(tf.addN(tensors.map((tensor) => tf.sum(tf.square(tensor)))));
  const norms = [...new Set(names.map(partOf))].map((part) => {
    const ofPart = names.filter((name) => partOf(name) === part);
    const gradient = lengthOf(ofPart.map((name) => gradients.get(name)!));
    const weight = lengthOf(ofPart.map((name) => variables.read(name)));
    return [part, { gradient: scale ? tf.div(gradient, scale) : gradient, weight }] as const;
  });
  return Object.fromEntries(norms);
}

/** Returns a sort key of a part: parts are in the order of the forward pass. */
function placeOf(part: string): number {
  const block = /^block(\d+)$/.exec(part)?.[1];
  if (block !== undefined) return 1 + Number(block);
  return { embed: 0, end: 1000, neck: 1001, head: 1002 }[part] ?? 1003;
}
