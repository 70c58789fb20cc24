// Samplers: the order of rows in an epoch, and each process's share of it. Shapes: N rows, W processes.
import { UserError } from "../../common/errors";
import { type RandomStream, randomStream } from "../../common/random";
import type { SamplerSettings } from "../../config/parts";

/** One of several processes that train together. */
export interface Shard {
  /** 0 .. worldSize - 1 */
  rank: number;
  worldSize: number;
}

/** The shard of a process that trains alone: all rows. */
export const ONE_PROCESS: Shard = { rank: 0, worldSize: 1 };

/**
 * Returns the rows of an epoch in the order in which all processes together see them; only seed and epoch decide it.
 * - `shuffle`: every row once (PyTorch's DistributedSampler)
 * - `class_balanced`: N rows, the classes' counts differ by at most one; a class uses all its rows before it repeats one
 * - `m_per_class`: groups of `samplesPerClass` rows of one class, distinct if the class has enough rows; all groups of
 *   a step are of different classes (pytorch-metric-learning's MPerClassSampler)
 * @param labels [N]
 * @throws UserError if `samplesPerClass` does not divide `batchSize`, or there are fewer classes than runs in a step
 */
export function epochOrder(
  config: SamplerSettings,
  labels: ArrayLike<number>,
  epoch: number,
  { worldSize }: Shard = ONE_PROCESS,
): number[] {
  const random = randomStream(config.seed, "epoch order", epoch);
  if (config.sampler === "shuffle") {
    return random.shuffle(Array.from({ length: labels.length }, (_, row) => row));
  }
  const classes = rowsByClass(labels);
  if (config.sampler === "class_balanced") return classRuns(random, classes, labels.length, 1, 1);
  const { batchSize, samplesPerClass } = config;
  const runsPerStep = (batchSize / samplesPerClass) * worldSize;
  assertRuns(config, runsPerStep, classes.length);
  return classRuns(
    random,
    classes,
    Math.floor(labels.length / samplesPerClass),
    samplesPerClass,
    runsPerStep,
  );
}

/**
 * Returns the part of an epoch's order that a process sees in a step (from 1); together, the ranks cover every place of the order once.
 * @param pieces number of pieces of a batch (`accumulationSteps`)
 */
export function rowsOfStep(
  order: readonly number[],
  batchSize: number,
  stepInEpoch: number,
  shard: Shard = ONE_PROCESS,
  pieces = 1,
): number[] {
  const start = (stepInEpoch - 1) * shard.worldSize * batchSize;
  const places = placesInStep(batchSize, pieces, shard).map((place) => start + place);
  return places.filter((place) => place < order.length).map((place) => order[place]!);
}

/**
 * Returns the places of a process's images in a step, counted over all processes. The processes' first pieces together
 * are the first piece of a single process with all images, and so on.
 */
export function placesInStep(batchSize: number, pieces: number, { rank, worldSize }: Shard): number[] {
  const pieceSize = batchSize / pieces;
  return Array.from({ length: batchSize }, (_, i) => {
    const piece = Math.floor(i / pieceSize);
    return (piece * worldSize + rank) * pieceSize + (i % pieceSize);
  });
}

function rowsByClass(labels: ArrayLike<number>): number[][] {
  const classes = new Map<number, number[]>();
  for (let row = 0; row < labels.length; row++) {
    const rows = classes.get(labels[row]!);
    if (rows) rows.push(row);
    else classes.set(labels[row]!, [row]);
  }
  return [...classes.values()];
}

/** Draws `runs` runs of `m` rows of one class; the runs in a group of `groupSize` are of different classes. */
function classRuns(
  random: RandomStream,
  classes: readonly number[][],
  runs: number,
  m: number,
  groupSize: number,
): number[] {
  const decks = classes.map((rows) => new Deck(random, rows));
  return classSequence(random, classes.length, runs, groupSize).flatMap((label) => decks[label]!.draw(m));
}

/** Returns classes in shuffled rounds; classes that the open group already has come last in the next round. */
function classSequence(random: RandomStream, classCount: number, runs: number, groupSize: number): number[] {
  const all = Array.from({ length: classCount }, (_, label) => label);
  const sequence: number[] = [];
  while (sequence.length < runs && classCount > 0) {
    const open = new Set(sequence.slice(sequence.length - (sequence.length % groupSize)));
    const round = random.shuffle(all);
    for (const label of round) if (!open.has(label)) sequence.push(label);
    for (const label of round) if (open.has(label)) sequence.push(label);
  }
  return sequence.slice(0, runs);
}

/** The rows of a class as a deck of cards, reshuffled when too few are left. */
class Deck {
  readonly #random: RandomStream;
  #rows: number[];
  #next: number;

  constructor(random: RandomStream, rows: number[]) {
    this.#random = random;
    this.#rows = rows;
    this.#next = rows.length;
  }

  draw(count: number): number[] {
    if (this.#next + count > this.#rows.length) {
      this.#rows = this.#random.shuffle(this.#rows);
      this.#next = 0;
    }
    const size = this.#rows.length;
    const drawn = Array.from({ length: count }, (_, i) => this.#rows[(this.#next + i) % size]!);
    this.#next = Math.min(size, this.#next + count);
    return drawn;
  }
}

function assertRuns(
  { batchSize, samplesPerClass }: SamplerSettings,
  runsPerStep: number,
  classCount: number,
): void {
  if (batchSize % samplesPerClass !== 0) {
    throw new UserError(
      `A batch of ${batchSize} images cannot hold ${samplesPerClass} of each of its classes.`,
      "Make batchSize a multiple of samplesPerClass.",
    );
  }
  if (runsPerStep > classCount) {
    throw new UserError(
      `A step of ${samplesPerClass} images of each class needs ${runsPerStep} classes; the training table has ${classCount}.`,
      "Raise samplesPerClass or lower batchSize.",
    );
  }
}
