// The processes that train together, from the view of one of them. Shapes: W processes, k numbers of each.
import { crc32 } from "node:zlib";
import { UserError } from "../../common/errors";
import type { Part } from "../../common/files/part";
import { listRows, rowsIn, setRows, sliceRows, type Vectors, zeroVectors } from "../../common/vectors";
import type { BucketSettings, ProcessSettings } from "../../config/processes";
import type { ClassificationScores } from "../../embedding/embed_images";
import { floatsOf } from "../../engine/native/dtypes";
import type { tf } from "../../engine/native/tf";
import type { GraphFunction } from "../../engine/program/graph_function";
import { Program } from "../../engine/program/program";
import type { Cluster } from "../../engine/session/cluster";
import { allGather, broadcast, gatherOverRanks, meanOverRanks } from "../../engine/tracing/collectives";
import { isSharded } from "../../model/weight_names";
import { ONE_PROCESS, type Shard } from "../data/samplers";
import type { StepRanks } from "../step/step";
import { meanGradients } from "./gradient_buckets";

/** Approximate bytes of variables that the chief sends in one function call. */
const GROUP_BYTES = 2 ** 28;

/** A process's activity: prepares itself, waits for its batch, computes a step with the others, saves, evaluates. */
export type Phase = "start" | "batch" | "step" | "save" | "evaluation";

/** The state of a trainer that is equal in all processes. */
export interface SharedTrainer {
  readonly program: Program;
  /** Shapes of the program's variables, by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly config: Pick<ProcessSettings, "shardHead">;
  /** Steps taken so far. */
  stepsDone: number;
  /** Gives this process its rows of a sharded head. */
  scatterHead(): Promise<void>;
}

/** The exchange between the processes of a run. All processes call the same methods in the same order. */
export class Ranks {
  readonly cluster: Cluster;
  readonly shard: Shard;
  /** A training step's operations over all processes. */
  readonly step: StepRanks;
  /** Set from outside to end the run after a step; all processes learn of it through `agree`. */
  wantsStop = false;
  readonly #program: Program;
  readonly #gathers = new Map<string, GraphFunction<"rows", tf.Tensor>>();

  readonly #onPhase: (phase: Phase, step: number) => void;

  /** @param onPhase called when this process enters a phase */
  constructor(
    cluster: Cluster,
    config: BucketSettings & Pick<ProcessSettings, "shardHead">,
    onPhase: (phase: Phase, step: number) => void = () => {},
  ) {
    this.cluster = cluster;
    this.#onPhase = onPhase;
    this.shard = { rank: cluster.rank, worldSize: cluster.worldSize };
    this.step = stepRanks(cluster, config);
    this.#program = new Program(cluster.sessionOptions);
  }

  /** True if this process writes the run's files. */
  get isChief(): boolean {
    return this.shard.rank === 0;
  }

  /** Reports this process's phase to its supervisor. @param step the last step taken */
  enter(phase: Phase, step: number): void {
    this.#onPhase(phase, step);
  }

  /** Concatenates the rows of all processes by rank. [n, k] -> [W * n, k], flat; n is the same in all processes. */
  async gather(rows: Float32Array, k: number): Promise<Float32Array> {
    const shape = [rows.length / k, k];
    const key = shape.join();
    const gather =
      this.#gathers.get(key) ??
      this.#program.function(`gather${this.#gathers.size}`, ({ rows }) => allGather(this.cluster, rows), {
        rows: { shape },
      });
    this.#gathers.set(key, gather);
    return floatsOf(await gather.run({ rows }));
  }

  /** Returns the numbers of every process, by rank. */
  async gatherNumbers(numbers: readonly number[]): Promise<number[][]> {
    const all = await this.gather(Float32Array.from(numbers), numbers.length);
    const rows = listRows(rowsIn(all, this.shard.worldSize));
    return rows.map((row) => [...row]);
  }

  /** Calls `make` in the chief first, then in the others: for work with a result that the chief stores in a file. */
  async chiefFirst<T>(make: () => Promise<T>): Promise<T> {
    const early = this.isChief ? await make() : undefined;
    await this.gatherNumbers([0]);
    return early ?? make();
  }

  /** Lets every process do its part of work on files; then the chief completes it, and the others read what it made. */
  async inParts<T>(share: (part: Part) => Promise<void>, whole: () => Promise<T>): Promise<T> {
    const { rank, worldSize } = this.shard;
    await share({ index: rank + 1, count: worldSize });
    await this.gatherNumbers([0]);
    return this.chiefFirst(whole);
  }

  /** Returns the loss of every process after a step, and whether any process wants to stop. */
  async agree(loss: number): Promise<{ losses: number[]; stop: boolean }> {
    const all = await this.gatherNumbers([loss, this.wantsStop ? 1 : 0]);
    return { losses: all.map(([loss]) => loss!), stop: all.some(([, stop]) => stop === 1) };
  }

  /** Averages the scores of all processes, weighted by their numbers of images. */
  async meanScores(scores: ClassificationScores): Promise<ClassificationScores> {
    const { images } = scores;
    const means = [scores.loss, scores.top1, scores.top5];
    const sums = images === 0 ? [0, 0, 0] : means.map((mean) => mean * images);
    const all = await this.gatherNumbers([images, ...sums]);
    const [count, loss, top1, top5] = [0, 1, 2, 3].map((i) => all.reduce((sum, one) => sum + one[i]!, 0));
    return { loss: loss! / count!, top1: top1! / count!, top5: top5! / count!, images: count! };
  }

  /** Gathers the vectors of all processes; each holds its part (`partOf`) of `count` vectors. */
  async gatherVectors({ data, length }: Vectors, count: number): Promise<Vectors> {
    const padded = zeroVectors(rowsPerRank(count, this.shard.worldSize), length);
    setRows(padded, 0, data);
    const all = await this.gather(padded.data, length);
    return sliceRows({ data: all, count: all.length / length, length }, 0, count);
  }

  /** Gives every process the chief's weights, optimizer state and step, and verifies them. */
  async share(trainer: SharedTrainer): Promise<void> {
    const [[step]] = (await this.gatherNumbers([trainer.stepsDone])) as [[number]];
    trainer.stepsDone = step;
    for (const [i, names] of groupsOf(equalShapes(trainer)).entries()) {
      const send = trainer.program.function(
        `broadcast${i}`,
        (_, variables) => {
          for (const name of names) variables.assign(name, broadcast(this.cluster, variables.read(name)));
        },
        {},
      );
      await send.run({});
    }
    await trainer.scatterHead();
    await this.verifyEqual(trainer);
  }

  /**
   * Compares the CRC-32 of variables with the chief's.
   * @throws UserError naming a variable that differs, and its rank
   */
  async verifyEqual(trainer: Pick<SharedTrainer, "program" | "shapes" | "config">): Promise<void> {
    const names = [...equalShapes(trainer).keys()];
    const halves: number[] = [];
    await trainer.program.viewAll(names, (_, memory) => {
      const sum = crc32(new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength));
      halves.push(sum >>> 16, sum & 0xffff); // float32 holds 16 bits of each exactly
    });
    const sums = await this.gatherNumbers(halves);
    for (const [rank, numbers] of sums.entries()) {
      const place = numbers.findIndex((number, i) => number !== sums[0]![i]);
      if (place < 0) continue;
      throw new UserError(
        `Rank ${rank} (${this.cluster.addresses[rank]}) has other values of ${names[place >> 1]} than the chief.`,
        "Every host needs the same version of this project and of TensorFlow.",
      );
    }
  }
}

/** Returns a training step's operations over all processes of a cluster. */
export function stepRanks(
  cluster: Cluster,
  config: BucketSettings & Pick<ProcessSettings, "shardHead">,
): StepRanks {
  return {
    worldSize: cluster.worldSize,
    mean: (x) => meanOverRanks(cluster, x),
    gather: (x) => gatherOverRanks(cluster, x),
    gatherLabels: (labels) => allGather(cluster, labels) as tf.Tensor1D,
    meanGradients: (gradients) => {
      const isShared = (name: string) => !(config.shardHead && isSharded(name));
      const shared = new Map([...gradients].filter(([name]) => isShared(name)));
      return new Map([...gradients, ...meanGradients(cluster, config, shared)]);
    },
  };
}

/** Returns the shapes of variables that are equal in all processes: all but the rows of a sharded head. */
function equalShapes({ shapes, config }: Pick<SharedTrainer, "shapes" | "config">): SharedTrainer["shapes"] {
  return new Map([...shapes].filter(([name]) => !(config.shardHead && isSharded(name))));
}

function rowsPerRank(count: number, worldSize: number): number {
  return Math.ceil(count / worldSize);
}

/** Returns the range of a process's rows among `count`: contiguous parts, each row in exactly one. */
export function partOf(count: number, ranks?: Pick<Ranks, "shard">): [start: number, end: number] {
  const { rank, worldSize } = ranks?.shard ?? ONE_PROCESS;
  const size = rowsPerRank(count, worldSize);
  return [Math.min(count, rank * size), Math.min(count, (rank + 1) * size)];
}

/** Groups names of variables into about GROUP_BYTES each. */
function groupsOf(shapes: ReadonlyMap<string, readonly number[]>): string[][] {
  const groups: string[][] = [[]];
  let bytes = 0;
  for (const [name, shape] of shapes) {
    if (bytes > GROUP_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(name);
    bytes += 4 * shape.reduce((product, length) => product * length, 1);
  }
  return groups;
}
