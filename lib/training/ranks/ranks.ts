// The processes that train together, as one of them sees them. Shapes: W processes, k numbers of each.
import { crc32 } from "node:zlib";
import { UserError } from "../../common/errors";
import { listRows, rowsIn, setRows, sliceRows, type Vectors, zeroVectors } from "../../common/vectors";
import type { BucketSettings, ProcessSettings } from "../../config/processes";
import type { ClassificationScores } from "../../embedding/embed_images";
import { floatsOf } from "../../engine/native/dtypes";
import type { tf } from "../../engine/native/tf";
import type { GraphFunction } from "../../engine/program/graph_function";
import { Program } from "../../engine/program/program";
import type { Cluster } from "../../engine/session/cluster";
import { allGather, broadcast, meanOverRanks } from "../../engine/tracing/collectives";
import { isSharded } from "../../model/weight_names";
import { ONE_PROCESS, type Shard } from "../data/samplers";
import type { StepRanks } from "../step/step";
import { meanGradients } from "./gradient_buckets";

/** Variables go from the chief to the others in runs of about so many bytes. */
const GROUP_BYTES = 2 ** 28;

/** What a process does: it prepares itself, waits for its batch, computes a step with the others, saves, evaluates. */
export type Phase = "start" | "batch" | "step" | "save" | "evaluation";

/** What of a trainer all processes have in common. */
export interface SharedTrainer {
  readonly program: Program;
  /** Shapes of the program's variables, by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly config: Pick<ProcessSettings, "shardHead">;
  /** Steps taken so far. */
  stepsDone: number;
  /** Gives this process its rows of a head that is shared out. */
  scatterHead(): Promise<void>;
}

/** What the processes of a run share. All of them call the same methods in the same order. */
export class Ranks {
  readonly cluster: Cluster;
  readonly shard: Shard;
  /** What a training step shares. */
  readonly step: StepRanks;
  /** Set from outside when the run is to end after a step; all processes hear of it by `agree`. */
  wantsStop = false;
  readonly #program: Program;
  readonly #gathers = new Map<string, GraphFunction<"rows", tf.Tensor>>();

  readonly #onPhase: (phase: Phase, step: number) => void;

  /** @param onPhase hears where this process is */
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

  /** Whether this process writes the run's files. */
  get isChief(): boolean {
    return this.shard.rank === 0;
  }

  /** Says where this process is, for those who watch it. @param step the last one that it has taken */
  enter(phase: Phase, step: number): void {
    this.#onPhase(phase, step);
  }

  /** Rows of every process below each other, by rank. [n, k] -> [W * n, k], flat; the same n everywhere. */
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

  /** The numbers of every process, by rank. */
  async gatherNumbers(numbers: readonly number[]): Promise<number[][]> {
    const all = await this.gather(Float32Array.from(numbers), numbers.length);
    const rows = listRows(rowsIn(all, this.shard.worldSize));
    return rows.map((row) => [...row]);
  }

  /** What the chief makes first, and the others when it has: work whose result the chief keeps in a file. */
  async chiefFirst<T>(make: () => Promise<T>): Promise<T> {
    const early = this.isChief ? await make() : undefined;
    await this.gatherNumbers([0]);
    return early ?? make();
  }

  /** After a step: the loss of every process, and whether any wants to stop. */
  async agree(loss: number): Promise<{ losses: number[]; stop: boolean }> {
    const all = await this.gatherNumbers([loss, this.wantsStop ? 1 : 0]);
    return { losses: all.map(([loss]) => loss!), stop: all.some(([, stop]) => stop === 1) };
  }

  /** Scores over the images of all processes: means, weighted by their counts of images. */
  async meanScores(own: ClassificationScores): Promise<ClassificationScores> {
    const { images } = own;
    const sums = images === 0 ? [0, 0, 0] : [own.loss, own.top1, own.top5].map((mean) => mean * images);
    const all = await this.gatherNumbers([images, ...sums]);
    const [count, loss, top1, top5] = [0, 1, 2, 3].map((i) => all.reduce((sum, one) => sum + one[i]!, 0));
    return { loss: loss! / count!, top1: top1! / count!, top5: top5! / count!, images: count! };
  }

  /** The vectors of all processes, of which each holds its part (`partOf`) of `count`. */
  async gatherVectors({ data, length }: Vectors, count: number): Promise<Vectors> {
    const padded = zeroVectors(rowsPerRank(count, this.shard.worldSize), length);
    setRows(padded, 0, data);
    const all = await this.gather(padded.data, length);
    return sliceRows({ data: all, count: all.length / length, length }, 0, count);
  }

  /** Gives every process the chief's weights, optimizer state and step, and verifies that they have them. */
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

  /** @throws UserError naming a variable whose checksum (CRC-32) is another than the chief's, and the rank that has it */
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

/** What a training step shares with the other processes of a cluster. */
export function stepRanks(
  cluster: Cluster,
  config: BucketSettings & Pick<ProcessSettings, "shardHead">,
): StepRanks {
  return {
    worldSize: cluster.worldSize,
    mean: (x) => meanOverRanks(cluster, x),
    meanGradients: (gradients) => {
      const isShared = (name: string) => !(config.shardHead && isSharded(name));
      const shared = new Map([...gradients].filter(([name]) => isShared(name)));
      return new Map([...gradients, ...meanGradients(cluster, config, shared)]);
    },
  };
}

/** Shapes of the variables that are the same in all processes: all but the rows of a head that is shared out. */
function equalShapes({ shapes, config }: Pick<SharedTrainer, "shapes" | "config">): SharedTrainer["shapes"] {
  return new Map([...shapes].filter(([name]) => !(config.shardHead && isSharded(name))));
}

function rowsPerRank(count: number, worldSize: number): number {
  return Math.ceil(count / worldSize);
}

/** From where to where a process works on `count` rows: contiguous parts, each row in one of them. */
export function partOf(count: number, ranks?: Pick<Ranks, "shard">): [start: number, end: number] {
  const { rank, worldSize } = ranks?.shard ?? ONE_PROCESS;
  const size = rowsPerRank(count, worldSize);
  return [Math.min(count, rank * size), Math.min(count, (rank + 1) * size)];
}

/** Names of variables in groups of about GROUP_BYTES. */
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
