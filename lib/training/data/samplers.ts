// Samplers: the order of rows in an epoch, and each process's share of it. Shapes: N rows, W processes.
import { UserError } from "../../common/errors";
import { type RandomStream, randomStream } from "../../common/random";
import type { SamplerSettings } from "../../config/parts";
import { Deck } from "./deck";

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
  shard: Shard = ONE_PROCESS,
): number[] {
  const random = randomStream(config.seed, "epoch order", epoch);
  if (config.sampler === "shuffle") {
    return random.shuffle(Array.from({ length: labels.length }, (_, row) => row));
  }
  const classes = rowsBy(labels.length, (row) => labels[row]!);
  if (config.sampler === "class_balanced") return classRuns(random, classes, labels.length, 1, 1);
  const { samplesPerClass } = config;
  const runsPerStep = runsInStep(config, shard);
  requireClassesOf(config, runsPerStep, classes.length);
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

/** Returns the rows of each group in the order of its first row, by the name of each row's group. */
export function rowsBy(count: number, groupOf: (row: number) => number | string): number[][] {
  const groups = new Map<number | string, number[]>();
  for (let row = 0; row < count; row++) {
    const group = groupOf(row);
    const rows = groups.get(group);
    if (rows) rows.push(row);
    else groups.set(group, [row]);
  }
  return [...groups.values()];
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

/**
 * Returns the number of runs in a step of all processes: groups of one class with `m_per_class`, else rows.
 * @throws UserError if `samplesPerClass` does not divide `batchSize`
 */
export function runsInStep(
  { sampler, batchSize, samplesPerClass }: Omit<SamplerSettings, "seed">,
  { worldSize }: Shard,
): number {
  if (sampler !== "m_per_class") return batchSize * worldSize;
  if (batchSize % samplesPerClass === 0) return (batchSize / samplesPerClass) * worldSize;
  throw new UserError(
    `A batch of ${batchSize} images cannot hold ${samplesPerClass} of each of its classes.`,
    "Make batchSize a multiple of samplesPerClass.",
  );
}

function requireClassesOf(
  { samplesPerClass }: Pick<SamplerSettings, "samplesPerClass">,
  runsPerStep: number,
  classCount: number,
): void {
  if (runsPerStep <= classCount) return;
  throw new UserError(
    `A step of ${samplesPerClass} images of each class needs ${runsPerStep} classes; the training table has ${classCount}.`,
    "Raise samplesPerClass or lower batchSize.",
  );
}
