// Shards the head over the processes that train together: each holds the rows of its classes, with their moments and
// averages. The head is whole in files and for evaluation, which therefore do not depend on processes.
// Shapes: C classes, K rows per class, E embedding length, S classes of a process.

import { UserError } from "../../common/errors";
import { rowOf } from "../../common/vectors";
import type { ClassRowSettings } from "../../config/model";
import type { BatchSettings } from "../../config/optimiser";
import type { ProcessSettings, ShardSettings } from "../../config/processes";
import { floatsOf } from "../../engine/native/dtypes";
import type { tf } from "../../engine/native/tf";
import type { GraphFunction } from "../../engine/program/graph_function";
import type { Program } from "../../engine/program/program";
import { allGather, broadcast } from "../../engine/tracing/collectives";
import type { StepShards } from "../../model/embedding_model";
import { rowsPerClass } from "../../model/head";
import { sampleSize, shardSize } from "../../model/sharded_head";
import { HEAD_WEIGHT, isSharded } from "../../model/weight_names";
import type { WeightSource } from "../../model/weight_source";
import type { StoredModel } from "../../runs/store";
import type { Ranks } from "./ranks";

type Shapes = ReadonlyMap<string, readonly number[]>;

/** The division of the head's rows over the processes. */
export interface ShardPlan {
  rank: number;
  worldSize: number;
  /** [C K, E] */
  wholeShape: readonly number[];
  /** K */
  rowsPerClass: number;
}

/** Returns the number of classes of each process, S. */
export function classesOfShard({ worldSize, wholeShape, rowsPerClass }: ShardPlan): number {
  return shardSize(wholeShape[0]! / rowsPerClass, worldSize);
}

function localShape(plan: ShardPlan): number[] {
  return [classesOfShard(plan) * plan.rowsPerClass, plan.wholeShape[1]!];
}

/** Returns a process's rows of a whole head [C K, E], flat; zeros beyond the last class. */
function localRows(whole: Float32Array, plan: ShardPlan): Float32Array {
  const size = localShape(plan).reduce((product, length) => product * length, 1);
  const local = new Float32Array(size);
  local.set(rowOf({ data: whole, length: size }, plan.rank));
  return local;
}

/** Returns the same weights with only this process's rows of the head. */
export function shardSource(source: WeightSource, plan: ShardPlan): WeightSource {
  const whole = () => new Float32Array(plan.wholeShape.reduce((product, length) => product * length, 1));
  return {
    ...source,
    shapes: new Map(
      [...source.shapes].map(([name, shape]) => [name, name === HEAD_WEIGHT ? localShape(plan) : shape]),
    ),
    write: (name, memory) => {
      if (name !== HEAD_WEIGHT) return source.write(name, memory);
      const all = whole();
      source.write(name, all);
      memory.set(localRows(all, plan));
    },
  };
}

/**
 * Returns the division of the head; undefined without `shardHead` or with a single process.
 * @throws UserError for contradictory settings
 */
export function shardPlan(
  config: ShardSettings & ClassRowSettings,
  weights: Pick<WeightSource, "shapes">,
  ranks: Ranks | undefined,
): ShardPlan | undefined {
  const isShared = config.shardHead && ranks !== undefined;
  if (config.classShare < 1 && !isShared) {
    const why = config.shardHead ? "is the only one" : "does not shard the head (shardHead is off)";
    throw new UserError(
      `classShare is ${config.classShare}, but this process ${why}: it holds all classes.`,
      "Sampling classes needs several processes: set shardHead, and processes or gpus to 2 or more; or set classShare to 1.",
    );
  }
  if (!isShared) return undefined;
  const wholeShape = weights.shapes.get(HEAD_WEIGHT)!;
  return { ...ranks.shard, wholeShape, rowsPerClass: rowsPerClass(config) };
}

/** Returns a step's view of a sharded head. */
export function stepShards(
  config: BatchSettings & Pick<ProcessSettings, "classShare">,
  { cluster }: Ranks,
  plan: ShardPlan,
): StepShards {
  const images = (config.batchSize / config.accumulationSteps) * plan.worldSize;
  const classCount = plan.wholeShape[0]! / plan.rowsPerClass;
  const sampled = sampleSize(config.classShare, classesOfShard(plan), images);
  return { cluster, classCount, sampleSize: config.classShare < 1 ? sampled : undefined };
}

/** The whole head of a model that is sharded over processes. All processes call the same methods in the same order. */
export class WholeHead {
  /**
   * The model as a checkpoint stores it: reads give the head as of the last `collect`; `scatter` distributes writes.
   */
  readonly stored: StoredModel;
  readonly #ranks: Ranks;
  readonly #program: Program;
  readonly plan: ShardPlan;
  readonly #names: readonly string[];
  readonly #gathers = new Map<string, GraphFunction<never, tf.Tensor>>();
  #broadcast: GraphFunction<"whole", tf.Tensor> | undefined;
  #collected = new Map<string, Float32Array>();
  #filled = new Map<string, Float32Array>();

  /** @param shapes shapes of this process's variables that belong in a checkpoint */
  constructor(ranks: Ranks, program: Program, shapes: Shapes, plan: ShardPlan) {
    this.#ranks = ranks;
    this.#program = program;
    this.plan = plan;
    this.#names = [...shapes.keys()].filter(isSharded);
    this.stored = {
      shapes: new Map([...shapes].map(([name, shape]) => [name, isSharded(name) ? plan.wholeShape : shape])),
      program: {
        viewAll: async (names, view) => {
          for (const name of names) {
            const rows = this.#collected.get(name);
            if (rows) view(name, rows);
            else await program.viewAll([name], view);
          }
        },
        fillAll: async (entries) => {
          const all = [...entries];
          for (const [name, fill] of all.filter(([name]) => isSharded(name))) {
            const rows = new Float32Array(this.#wholeSize);
            fill(rows);
            this.#filled.set(name, rows);
          }
          await program.fillAll(all.filter(([name]) => !isSharded(name)));
        },
      },
    };
  }

  get #wholeSize(): number {
    return this.plan.wholeShape.reduce((product, length) => product * length, 1);
  }

  /** Fetches the rows of all processes, for `stored`. */
  async collect(): Promise<void> {
    for (const name of this.#names) {
      const gather = this.#gathers.get(name) ?? this.#traceGather(name);
      const rows = floatsOf(await gather.run({}));
      this.#collected.set(name, rows.slice(0, this.#wholeSize));
    }
  }

  #traceGather(name: string): GraphFunction<never, tf.Tensor> {
    const gather = this.#program.function(
      `gather/${name}`,
      (_, variables) => allGather(this.#ranks.cluster, variables.read(name)),
      {},
    ) as GraphFunction<never, tf.Tensor>;
    this.#gathers.set(name, gather);
    return gather;
  }

  /** Gives every process its rows of the head in the chief's checkpoint, if there is one. */
  async scatter(): Promise<void> {
    const [chief] = await this.#ranks.gatherNumbers([this.#filled.size]);
    if (chief![0] === 0) return;
    this.#broadcast ??= this.#program.function(
      "scatter_head",
      ({ whole }) => broadcast(this.#ranks.cluster, whole),
      { whole: { shape: [...this.plan.wholeShape] } },
    ) as GraphFunction<"whole", tf.Tensor>;
    for (const name of this.#names) {
      const whole = this.#filled.get(name) ?? new Float32Array(this.#wholeSize);
      const rows = floatsOf(await this.#broadcast.run({ whole }));
      await this.#program.assign(name, localRows(rows, this.plan));
    }
    this.#filled.clear();
  }
}
