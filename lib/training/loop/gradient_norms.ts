// How large the gradients are in each part of the model: to look at between two steps.

import { rowOf, rowsIn } from "../../common/vectors";
import { tf } from "../../engine/native/tf";
import type { GraphFunction } from "../../engine/program/graph_function";
import type { TracedVariables } from "../../engine/program/traced_variables";
import type { LossInputs } from "../../model/embedding_model";
import { placeInTower } from "../../model/weight_names";
import { batchSpecs, lossAndGradients, type StepParts } from "../step/step";
import type { Trainer } from "./trainer";

/** One part of the model: what comes before the blocks, a block, what comes after them, the neck, the head. */
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

/** The part of the model that a weight belongs to. */
function partOf(name: string): string {
  const place = placeInTower(name);
  if (place === undefined) return name.split(".")[0]!;
  if (typeof place === "number") return `block${String(place).padStart(2, "0")}`;
  return place === "before" ? "embed" : "end";
}

/**
 * Norms of the gradients that the next step will take, and of the weights that they change, from the model's first part
 * to its last; nothing changes by looking. Where a batch goes through in pieces, those of its first piece.
 * @throws UserError when the run is complete: there is no next step
 * @example
 * const norms = await gradientNorms(setup.trainer);
 */
export async function gradientNorms(trainer: Trainer): Promise<GradientNorm[]> {
  const { feed } = await trainer.nextBatch();
  const { accumulationSteps } = trainer.config;
  const firstPiece = <T extends Float32Array | Int32Array>(all: T) =>
    rowOf(rowsIn(all, accumulationSteps), 0);
  const traced = TRACED.get(trainer) ?? traceNorms(trainer);
  TRACED.set(trainer, traced);
  const norms = await traced.run({
    inputs: firstPiece(feed.inputs),
    labels: firstPiece(feed.labels),
    keep: firstPiece(feed.keep),
    margin: feed.margin,
  });
  return Object.entries(norms)
    .map(([part, lengths]) => {
      const [gradient, weight] = [lengths.gradient, lengths.weight].map(({ data }) => Number(data[0]));
      return { part, gradient: gradient!, weight: weight!, ratio: gradient! / weight! };
    })
    .sort((a, b) => placeOf(a.part) - placeOf(b.part));
}

type Norms = Record<string, { gradient: tf.Tensor; weight: tf.Tensor }>;
type TracedNorms = GraphFunction<"inputs" | "labels" | "keep" | "margin", Norms>;

/** Traced when they are first asked for. */
const TRACED = new WeakMap<Trainer, TracedNorms>();

function traceNorms({ program, stepParts, config }: Trainer): TracedNorms {
  return program.function(
    "gradient_norms",
    (fed, variables) => normsByPart(stepParts, fed as unknown as LossInputs, variables),
    batchSpecs(stepParts, config.batchSize / config.accumulationSteps),
  );
}

function normsByPart(parts: StepParts, fed: LossInputs, variables: TracedVariables): Norms {
  const isLooking = () => {}; // a batch norm's running values stay as they are
  const { gradients, scale } = lossAndGradients(parts, fed, variables, isLooking);
  const names = [...gradients.keys()];
  const lengthOf = (tensors: readonly tf.Tensor[]) =>
    tf.sqrt(tf.addN(tensors.map((tensor) => tf.sum(tf.square(tensor)))));
  const norms = [...new Set(names.map(partOf))].map((part) => {
    const own = names.filter((name) => partOf(name) === part);
    const gradient = lengthOf(own.map((name) => gradients.get(name)!));
    const weight = lengthOf(own.map((name) => variables.read(name)));
    return [part, { gradient: scale ? tf.div(gradient, scale) : gradient, weight }] as const;
  });
  return Object.fromEntries(norms);
}

/** Parts in the order in which an image goes through them. */
function placeOf(part: string): number {
  const block = /^block(\d+)$/.exec(part)?.[1];
  if (block !== undefined) return 1 + Number(block);
  return { embed: 0, end: 1000, neck: 1001, head: 1002 }[part] ?? 1003;
}
