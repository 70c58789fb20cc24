// Averages of the weights over a run, as variables of their own: EMA over steps, SWA over the ends of epochs.

import type { AverageSettings } from "../../config/optimiser";
import { floatsOf } from "../../engine/native/dtypes";
import { tf } from "../../engine/native/tf";
import type { GraphFunction } from "../../engine/program/graph_function";
import type { Program } from "../../engine/program/program";
import { type Average, averagedCountOf, CONSTANT_NAMES, storedName } from "../../model/weight_names";
import type { Position } from "./schedule";

type Shapes = ReadonlyMap<string, readonly number[]>;

/** Returns the averages that a config enables. */
export function averagesOf({ emaDecay, swaStartEpoch }: AverageSettings): Average[] {
  return [...(emaDecay > 0 ? (["ema"] as const) : []), ...(swaStartEpoch > 0 ? (["swa"] as const) : [])];
}

/** The averages of a trainer's weights. */
export interface Averages {
  /** Shapes of their variables; all belong in a checkpoint. */
  shapes: Shapes;
  /** Names of each weight and its average. */
  pairs: readonly (readonly [weight: string, average: string])[];
  /** Their graphs, by kind. */
  functions: Partial<Record<Average, GraphFunction<never, void>>>;
  /** Adds the weights after a step: to the EMA after each, to the SWA after the last step of its epochs. */
  update(position: Position, stepsPerEpoch: number): Promise<void>;
  /** Returns the averages that are not empty. */
  present(): Promise<Average[]>;
}

/**
 * Declares the averages that the config enables; the weights are variables of the program already. A batch norm's
 * running values are averaged like weights, as in PyTorch's `AveragedModel(model, ..., use_buffers=True)`, which makes
 * the pass of `update_bn` over the training images unnecessary.
 * @see https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema, https://arxiv.org/abs/1803.05407 (SWA)
 */
export async function createAverages(
  program: Program,
  weights: Shapes,
  config: AverageSettings,
): Promise<Averages> {
  const kinds = averagesOf(config);
  const names = [...weights.keys()].filter((name) => !CONSTANT_NAMES.includes(name));
  const pairs = kinds.flatMap((kind) => names.map((name) => [name, storedName(kind, name)] as const));
  const shapes = new Map<string, readonly number[]>([
    ...kinds.map((kind) => [averagedCountOf(kind), []] as const),
    ...pairs.map(([name, average]) => [average, weights.get(name)!] as const),
  ]);
  for (const [name, shape] of shapes) program.variable(name, { shape });
  await program.fillAll([...shapes.keys()].map((name) => [name, (memory) => void memory.fill(0 as never)]));
  const functions = Object.fromEntries(
    kinds.map((kind) => [kind, traceAverage(program, kind, names, config.emaDecay)]),
  ) as Averages["functions"];
  return {
    shapes,
    pairs,
    functions,
    async update({ epoch, stepInEpoch }, stepsPerEpoch) {
      await functions.ema?.run({});
      const takesEpoch = stepInEpoch === stepsPerEpoch && epoch >= config.swaStartEpoch;
      if (takesEpoch) await functions.swa?.run({});
    },
    async present() {
      const counts = await Promise.all(kinds.map((kind) => program.read(averagedCountOf(kind))));
      return kinds.filter((_, i) => floatsOf(counts[i]!)[0]! > 0);
    },
  };
}

/**
 * Traces mean <- weight + share (mean - weight). The share of the old mean is `decay` for the EMA and n / (n + 1) for
 * the SWA. The first mean is a copy of the weights, as in PyTorch.
 */
function traceAverage(
  program: Program,
  kind: Average,
  names: readonly string[],
  decay: number,
): GraphFunction<never, void> {
  return program.function(
    kind,
    (_, variables) => {
      const count = variables.read(averagedCountOf(kind));
      const share = kind === "ema" ? tf.mul(tf.minimum(count, 1), decay) : tf.div(count, tf.add(count, 1));
      for (const name of names) {
        const [weight, mean] = [variables.read(name), variables.read(storedName(kind, name))];
        variables.assign(storedName(kind, name), tf.add(weight, tf.mul(share, tf.sub(mean, weight))));
      }
      variables.assign(averagedCountOf(kind), tf.add(count, 1));
    },
    {},
  ) as GraphFunction<never, void>;
}
