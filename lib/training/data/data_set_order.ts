// The order of an epoch in which the config decides how often each data set is drawn. Shapes: N rows, C classes.
import { UserError } from "../../common/errors";
import { type RandomStream, randomStream } from "../../common/random";
import type { DataSetOrderSettings } from "../../config/parts";
import type { SamplingSettings } from "../../config/sampling";
import { Deck } from "./deck";
import { ONE_PROCESS, rowsBy, runsInStep, type Shard } from "./samplers";

/** The rows of a table, with the data set of each of their classes. */
export interface DataSetRows {
  /** [N] */
  labels: ArrayLike<number>;
  /** Name of each class's data set, by label; [C]. */
  dataSets?: readonly string[] | undefined;
}

/**
 * Returns the rows of an epoch's steps in the order in which all processes together see them; only seed and epoch decide
 * it. A row that comes for the k-th time in the epoch has the number row + (k - 1) N.
 * - `square_root`, `equal`: an epoch draws each data set by the square root of its rows, or equally often, up to one run;
 *   their order is random
 * - `round_robin`: all images of a step are of one data set; in each round every data set has one step
 *
 * Within a data set the sampler decides: `shuffle` draws a row again when all of them have been drawn, `class_balanced`
 * draws the classes in rounds, `m_per_class` runs of `samplesPerClass` rows of a class; a class comes again in a step when
 * the step has all classes of the data set.
 * @param steps number of steps
 * @throws UserError if the rows have no data sets, or all have the same
 */
export function dataSetOrder(
  config: DataSetOrderSettings,
  { labels, ...table }: DataSetRows,
  epoch: number,
  steps: number,
  shard: Shard = ONE_PROCESS,
): number[] {
  const dataSets = requireDataSets(
    table,
    "the training table",
    `dataSetSampling = ${config.dataSetSampling}`,
  );
  const random = randomStream(config.seed, "epoch order by data set", epoch);
  const groups = rowsBy(labels.length, (row) => dataSets[labels[row]!]!);
  const runsPerStep = runsInStep(config, shard);
  const sources = groups.map((rows) => sourceOf(config, random, rows, labels));
  const sizes = groups.map((rows) => rows.length);
  const sequence = dataSetSequence(config, random, sizes, steps, runsPerStep);
  const seen = new Int32Array(labels.length);
  const order: number[] = [];
  const open = new Set<number>();
  for (const [run, dataSet] of sequence.entries()) {
    if (run % runsPerStep === 0) open.clear();
    for (const row of sources[dataSet]!(open)) order.push(row + seen[row]!++ * labels.length);
  }
  return order;
}

/**
 * Returns the data set of each class, by label, after checking that there are several.
 * @param source the table or folder of the rows
 * @param setting the setting that needs them, with its value
 * @throws UserError if nothing says of which data set their classes are, or all are of the same
 */
export function requireDataSets(
  { dataSets }: Pick<DataSetRows, "dataSets">,
  source: string,
  setting: string,
): readonly string[] {
  if (!dataSets) {
    throw new UserError(
      `${setting} needs to know of which data set each class is: ${source} has no column "dataset", or has two data sets for one class.`,
      "Train on a merged table (npx guie merge), or on features of one (npx guie embed).",
    );
  }
  const [only, ...others] = new Set(dataSets);
  if (others.length > 0) return dataSets;
  throw new UserError(
    `${setting} needs several data sets: all classes of ${source} are of one (${only}).`,
    "Leave the setting out.",
  );
}

/** Returns the data set of each run, as a place in `sizes`. */
function dataSetSequence(
  { dataSetSampling }: Pick<SamplingSettings, "dataSetSampling">,
  random: RandomStream,
  sizes: readonly number[],
  steps: number,
  runsPerStep: number,
): number[] {
  const all = [...sizes.keys()];
  if (dataSetSampling === "round_robin") {
    const rounds = Array.from({ length: Math.ceil(steps / sizes.length) }, () => random.shuffle(all));
    return rounds
      .flat()
      .slice(0, steps)
      .flatMap((dataSet) => new Array<number>(runsPerStep).fill(dataSet));
  }
  const weights = dataSetSampling === "square_root" ? sizes.map(Math.sqrt) : sizes.map(() => 1);
  const counts = apportion(steps * runsPerStep, weights);
  return random.shuffle(all.flatMap((dataSet) => new Array<number>(counts[dataSet]!).fill(dataSet)));
}

/** Divides a number into whole parts by weights: each is its share, rounded down or up (largest remainders). */
export function apportion(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const shares = weights.map((weight) => (total * weight) / sum);
  const parts = shares.map(Math.floor);
  const missing = total - parts.reduce((all, part) => all + part, 0);
  const byRemainder = [...shares.keys()].sort((a, b) => shares[b]! - parts[b]! - (shares[a]! - parts[a]!));
  for (const place of byRemainder.slice(0, missing)) parts[place]!++;
  return parts;
}

/** Draws a run of rows of one data set. @param open classes that the step has; the function adds the run's */
type Source = (open: Set<number>) => number[];

function sourceOf(
  { sampler, samplesPerClass }: Pick<SamplingSettings, "sampler" | "samplesPerClass">,
  random: RandomStream,
  rows: readonly number[],
  labels: ArrayLike<number>,
): Source {
  if (sampler === "shuffle") {
    const deck = new Deck(random, rows);
    return () => deck.draw(1);
  }
  const classes = rowsBy(rows.length, (place) => labels[rows[place]!]!).map((places) =>
    places.map((place) => rows[place]!),
  );
  const decks = new Map(classes.map((ofClass) => [labels[ofClass[0]!]!, new Deck(random, ofClass)]));
  const rounds = new ClassRounds(random, [...decks.keys()]);
  if (sampler === "class_balanced") return () => decks.get(rounds.next())!.draw(1);
  return (open) => {
    const label = rounds.next(open);
    open.add(label);
    return decks.get(label)!.draw(samplesPerClass);
  };
}

/** Classes in shuffled rounds. */
class ClassRounds {
  readonly #random: RandomStream;
  readonly #all: readonly number[];
  /** The classes to come, the next one last. */
  #queue: number[] = [];

  constructor(random: RandomStream, all: readonly number[]) {
    this.#random = random;
    this.#all = all;
  }

  /** Returns the next class, if possible none of the open ones, which come later. */
  next(open: ReadonlySet<number> = new Set()): number {
    const free = () => this.#queue.findLastIndex((label) => !open.has(label));
    let place = free();
    if (place < 0 && (this.#queue.length === 0 || this.#all.some((label) => !open.has(label)))) {
      this.#queue = [...this.#random.shuffle(this.#all), ...this.#queue];
      place = free();
    }
    return this.#queue.splice(place < 0 ? this.#queue.length - 1 : place, 1)[0]!;
  }
}
