// Classes for choosing settings by: taken out of the training classes, so that those of `retrieval/` are left alone.
import { UserError } from "../../common/errors";
import { randomStream } from "../../common/random";
import { TextColumn } from "../../common/texts";
import type { DataSettings } from "../../config/data";
import type { SeedSettings } from "../../config/run";
import { learnedAmong, learnedBy } from "../../runs/learned_classes";
import { readRunConfig } from "../../runs/run_folder";
import type { LabelledFiles } from "./batches";
import type { RetrievalFiles, RunData } from "./run_data";

/** What settings are chosen by: a share of the training classes (`holdOutShare`), or the classes of `retrieval/`. */
export type ChoiceClasses = "training-classes" | "held-out-classes";

/** Of a held-out class, one image in so many asks (at least one); the others are searched. */
const IMAGES_PER_QUERY = 3;

/**
 * The data of a run that does not learn a share of its training classes, drawn by its seed, but is scored on them in
 * place of `retrieval/`. The other classes are numbered anew, in their order. A class of one image is not drawn.
 * @returns `data` itself where the share is 0
 * @throws UserError where the share leaves fewer than two classes to learn, or draws none
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
  if (held.length === 0 || classCount < 2) {
    throw new UserError(
      `A holdOutShare of ${holdOutShare} takes ${held.length} of ${data.classCount} classes, and leaves ${classCount} to learn.`,
      "Choose another share, for example 0.2.",
    );
  }
  held.sort((a, b) => a - b);
  const isHeld = new Set(held);
  const learned = [...Array(data.classCount).keys()].filter((label) => !isHeld.has(label));
  const numbers = new Map(learned.map((label, number) => [label, number]));
  const { files, labels } = learnedRows(data.validation, numbers);
  return {
    train: learnedRows(data.train, numbers),
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

/** Distinct images of each class, training and validation alike, sorted. */
function imagesByClass({ train, validation, classCount }: RunData): Map<number, string[]> {
  const images = Array.from({ length: classCount }, () => new Set<string>());
  for (const { files, labels } of [train, validation]) {
    let row = 0;
    for (const file of files) images[labels[row++]!]!.add(file);
  }
  return new Map(images.map((files, label) => [label, [...files].sort()]));
}

/** Rows of the classes that have a number, under it. */
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
    const asking = Math.max(1, Math.floor(images.length / IMAGES_PER_QUERY));
    for (const [i, image] of randomStream(seed, "choice queries", label)
      .shuffle([...images])
      .entries()) {
      const part = parts[i < asking ? "queries" : "index"];
      part.files.push(image);
      part.labels.push(label);
    }
  }
  return parts;
}

/**
 * A run that holds out training classes must not start from weights that have learned them.
 * @param folder of the run that it starts from
 * @throws UserError where that one held out others
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
    differences.length > 0 ? differences.join("; ") : `training table was another, with ${known} of them`;
  throw new UserError(
    `${folder} has learned classes that this run is to be scored on: its ${why}.`,
    "Start from a run with the same holdOutShare and seed, trained on the same table.",
  );
}

/** What draws the classes that a run holds out. */
const DRAWN_BY = ["holdOutShare", "seed", "dataDir", "csv"] as const;
type DrawnBy = Pick<DataSettings & SeedSettings, (typeof DRAWN_BY)[number]>;

/** "seed 1, not 2": why two runs hold out other training classes; empty where they are the same, or where neither does. */
export function choiceDifferences(one: DrawnBy, other: DrawnBy): string[] {
  if (one.holdOutShare === 0 && other.holdOutShare === 0) return [];
  const differences = DRAWN_BY.filter((name) => one[name] !== other[name]);
  return differences.map((name) => `${name} ${one[name]}, not ${other[name]}`);
}
