// Classes for choosing settings: held out of the training classes, so that those of `retrieval/` stay unused.
import { UserError } from "../../common/errors";
import { randomStream } from "../../common/random";
import { TextColumn } from "../../common/texts";
import type { DataSettings } from "../../config/data";
import type { SeedSettings } from "../../config/run";
import { learnedAmong, learnedBy } from "../../runs/learned_classes";
import { readRunConfig } from "../../runs/run_folder";
import { FEW_CLASSES } from "../../runs/scored_on";
import type { LabelledFiles, RetrievalFiles, RunData } from "./run_data";

/** The classes for choosing settings: a share of the training classes (`holdOutShare`), or those of `retrieval/`. */
export type ChoiceClasses = "training-classes" | "held-out-classes";

/** The fewest classes to choose by: with one class every image that is found is right, whatever the settings. */
const LEAST_HELD = 2;
/** The fewest classes to learn. */
const LEAST_LEARNED = 2;

/** One in this many images of a held-out class is a query (at least one); the rest form the index. */
const IMAGES_PER_QUERY = 3;

/**
 * Holds out a share of the training classes, drawn by the seed: the run does not learn them, but is scored on them
 * instead of `retrieval/`. The other classes are renumbered in their order. A class of one image is not drawn.
 * @returns `data` itself if the share is 0
 * @throws UserError if the share leaves fewer than two classes to learn, or draws fewer than two
 */
export function holdOutClasses(
  data: RunData,
  { holdOutShare, seed }: Pick<DataSettings, "holdOutShare"> & SeedSettings,
): RunData {
  if (holdOutShare === 0) return data;
  const images = imagesByClass(data);
  const drawn = randomStream(seed, "choice classes").shuffle([...images.keys()]);
  const held = drawn
    .filter((label) => images.get(label)!.length > 1)
    .slice(0, Math.round(holdOutShare * data.classCount));
  const classCount = data.classCount - held.length;
  if (held.length < LEAST_HELD || classCount < LEAST_LEARNED) {
    const count = data.classCount;
    const usable = [...images.values()].filter((files) => files.length > 1).length;
    throw new UserError(
      `A holdOutShare of ${holdOutShare} holds out ${held.length} of ${count} classes to choose settings by, and leaves ${classCount} to learn; with one class every score is 1.`,
      shareAdvice(count, usable),
    );
  }
  held.sort((a, b) => a - b);
  const isHeld = new Set(held);
  const learned = [...Array(data.classCount).keys()].filter((label) => !isHeld.has(label));
  const numbers = new Map(learned.map((label, number) => [label, number]));
  const { files, labels } = learnedRows(data.validation, numbers);
  const { dataSets } = data.train;
  return {
    train: {
      ...learnedRows(data.train, numbers),
      dataSets: dataSets && learned.map((label) => dataSets[label]!),
    },
    validation: { files: [...files], labels },
    classCount,
    classes: data.classes && learned.map((label) => data.classes![label]!),
    retrieval: queriesAndIndex(
      held.map((label) => images.get(label)!),
      seed,
    ),
    retrievalClasses: data.classes && new Map(held.map((label, number) => [number, data.classes![label]!])),
  };
}

/** Advises a share that holds out enough classes, or no choice at all. @param usable classes of two images or more */
function shareAdvice(classes: number, usable: number): string {
  const wanted = Math.min(FEW_CLASSES, usable, Math.floor(classes / 2));
  if (wanted < LEAST_HELD) {
    return (
      `${classes} classes are too few to choose settings by: take the preset small as it is ` +
      "(npx guie train --config-name small), or add classes."
    );
  }
  const share = Math.ceil((100 * wanted) / classes) / 100;
  return (
    `Hold out ${wanted} classes: --set holdOutShare=${share} (holdOutShare: ${share} in a notebook); ` +
    "or take the preset small as it is, whose settings need no choice."
  );
}

/** Returns the distinct images of each class, training and validation, sorted. */
function imagesByClass({ train, validation, classCount }: RunData): Map<number, string[]> {
  const images = Array.from({ length: classCount }, () => new Set<string>());
  for (const { files, labels } of [train, validation]) {
    let row = 0;
    for (const file of files) images[labels[row++]!]!.add(file);
  }
  return new Map(images.map((files, label) => [label, [...files].sort()]));
}

/** Returns the rows of the classes that have a new number, with that number as label. */
function learnedRows(
  { files, labels }: LabelledFiles<Iterable<string> & RunData["train"]["files"]>,
  numbers: ReadonlyMap<number, number>,
): RunData["train"] {
  const column = new TextColumn(files.length);
  const kept: number[] = [];
  let row = 0;
  for (const file of files) {
    const number = numbers.get(labels[row++]!);
    if (number === undefined) continue;
    column.push(file);
    kept.push(number);
  }
  return { files: column, labels: Int32Array.from(kept) };
}

function queriesAndIndex(classes: readonly (readonly string[])[], seed: number): RetrievalFiles {
  const parts = {
    queries: { files: [] as string[], labels: [] as number[] },
    index: { files: [] as string[], labels: [] as number[] },
  };
  for (const [label, images] of classes.entries()) {
    const queryCount = Math.max(1, Math.floor(images.length / IMAGES_PER_QUERY));
    for (const [i, image] of randomStream(seed, "choice queries", label)
      .shuffle([...images])
      .entries()) {
      const part = parts[i < queryCount ? "queries" : "index"];
      part.files.push(image);
      part.labels.push(label);
    }
  }
  return parts;
}

/**
 * Checks that a run which holds out training classes does not start from weights that have learned them.
 * @param folder the folder of the run that it starts from
 * @throws UserError if that run held out others
 */
export function refuseLearnedClasses(
  folder: string,
  config: DrawnBy,
  { retrieval, retrievalClasses }: Pick<RunData, "retrieval" | "retrievalClasses">,
): void {
  if (config.holdOutShare === 0) return;
  const differences = choiceDifferences(readRunConfig(folder), config);
  const set = { ...retrieval!, classes: retrievalClasses };
  const known = learnedAmong(set, config.dataDir, learnedBy(folder))?.size;
  if (differences.length === 0 && !known) return;
  const why =
    differences.length > 0
      ? differences.join("; ")
      : `training table was different, with ${known} of these classes`;
  throw new UserError(
    `${folder} has learned classes that this run is to be scored on: its ${why}.`,
    "Start from a run with the same holdOutShare and seed, trained on the same table.",
  );
}

/** Settings that determine the held-out training classes. */
const DRAWN_BY = ["holdOutShare", "seed", "dataDir", "csv"] as const;
type DrawnBy = Pick<DataSettings & SeedSettings, (typeof DRAWN_BY)[number]>;

/** Lists why two runs hold out different training classes ("seed 1, not 2"); [] if they hold out the same, or none. */
export function choiceDifferences(one: DrawnBy, other: DrawnBy): string[] {
  if (one.holdOutShare === 0 && other.holdOutShare === 0) return [];
  const differences = DRAWN_BY.filter((name) => one[name] !== other[name]);
  return differences.map((name) => `${name} ${one[name]}, not ${other[name]}`);
}
