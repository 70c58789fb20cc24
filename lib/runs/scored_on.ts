// What a score was measured on: a number is worth nothing without it.
import { createHash } from "node:crypto";
import type { ScoredSettings } from "../config/data";
import { hasNumbers, type Learned, learnedAmong, type UnknownClasses } from "./learned_classes";
import type { ScoredOn } from "./metrics";
import { WITHOUT_NOTE } from "./run_note";

/**
 * SHA-256 of what is asked and what is searched: the header line `image_files,labels` and a line `file,label` an image,
 * queries first, then the index with a header of its own. It is that of queries.csv and index.csv, one behind the other,
 * where no path needs quotes.
 */
export function setFingerprint({ queries, index }: UnknownClasses): string {
  const hash = createHash("sha256");
  for (const { files, labels } of [queries, index]) {
    hash.update("image_files,labels\n");
    for (const [row, file] of files.entries()) hash.update(`${file},${labels[row]}\n`);
  }
  return hash.digest("hex");
}

/** @param learned what the model has learned; undefined where that was not noted */
export function scoredOn(
  set: UnknownClasses,
  { dataDir, holdOutShare }: ScoredSettings,
  learned: Learned | undefined,
): ScoredOn {
  const trainedOn = learnedAmong(set, dataDir, learned)?.size;
  const classes = new Set(Array.from(set.queries.labels)).size;
  const mayBeMore = trainedOn && trainedOn < classes && (learned?.isPartial || hasNumbers(learned));
  return {
    dataDir,
    classesOf: holdOutShare > 0 ? "training" : "retrieval",
    fingerprint: setFingerprint(set),
    queries: set.queries.files.length,
    classes,
    ...(trainedOn === undefined ? {} : { trainedOn }),
    ...(mayBeMore ? { atLeast: true as const } : {}),
  };
}

/** What a model that was never trained is scored on. */
export const NOTHING_LEARNED: Learned = {
  classes: new Set<string>(),
  images: new Set<bigint>(),
  dataDir: "",
  isPartial: false,
};

/** "155 queries of 155 held-out classes, data/demo (3f2a91c0)". */
export function scoredOnText({ queries, classes, dataDir, fingerprint, classesOf }: ScoredOn): string {
  const of =
    classesOf === "retrieval" ? "held-out classes" : "training classes that were held out to choose by";
  return `${queries} queries of ${classes} ${of}, ${dataDir} (${fingerprint.slice(0, 8)})`;
}

/** "data/demo (3f2a91c0), 11 of 14 classes trained on": for a cell of a table. */
export function shortScoredOn(on: ScoredOn | undefined): string {
  if (!on) return WITHOUT_NOTE;
  const { dataDir, fingerprint, trainedOn, classes, classesOf } = on;
  const choice = classesOf === "training" ? ", held-out training classes" : "";
  const count = trainedOn ? `, ${trainedOn} of ${classes} classes trained on` : "";
  const learned = trainedOn === undefined ? ", trained on or not: not known" : count;
  return `${dataDir} (${fingerprint.slice(0, 8)})${choice}${learned}`;
}

/** "11 of 14 classes were trained on"; "" where none was. */
export function trainedOnText({ trainedOn, classes, atLeast }: ScoredOn): string {
  if (trainedOn === undefined)
    return `whether it was trained on these classes is not known (${WITHOUT_NOTE}, or without class names)`;
  return trainedOn > 0
    ? `${atLeast ? "at least " : ""}${trainedOn} of ${classes} classes were trained on`
    : "";
}

/** "*" behind a score of classes that were trained on, "?" behind one of which that is not known. */
export function scoreMark({ trainedOn }: ScoredOn): "" | "*" | "?" {
  if (trainedOn === undefined) return "?";
  return trainedOn > 0 ? "*" : "";
}
