// The data that a run's score was measured on, kept with the score: a score means nothing without it.
import { createHash } from "node:crypto";
import type { ScoredSettings } from "../config/data";
import { hasNumbers, type Learned, learnedAmong, type UnknownClasses } from "./learned_classes";
import type { ScoredOn } from "./metrics";
import { WITHOUT_NOTE } from "./run_note";

/**
 * Computes the SHA-256 of queries and index: the header line `image_files,labels`, then one line `file,label` per
 * image; first the queries, then the index with its own header. It equals the SHA-256 of queries.csv followed by
 * index.csv if no path needs quotes.
 */
export function setFingerprint({ queries, index }: UnknownClasses): string {
  const hash = createHash("sha256");
  for (const { files, labels } of [queries, index]) {
    hash.update("image_files,labels\n");
    for (const [row, file] of files.entries()) hash.update(`${file},${labels[row]}\n`);
  }
  return hash.digest("hex");
}

/**
 * Describes a retrieval set, and how many of its classes the model was trained on.
 * @param learned what the model has learned; undefined if it was not noted
 */
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

/** The record of a model that was never trained. */
export const NOTHING_LEARNED: Learned = {
  classes: new Set<string>(),
  images: new Set<bigint>(),
  dataDir: "",
  isPartial: false,
};

/** Fewer held-out classes than this give a score that means little. */
export const FEW_CLASSES = 5;

/**
 * Formats "155 queries of 155 held-out classes, data/demo (3f2a91c0)"; under 5 classes it adds that the score means
 * little.
 */
export function scoredOnText({ queries, classes, dataDir, fingerprint, classesOf }: ScoredOn): string {
  const of =
    classesOf === "retrieval" ? "held-out classes" : "training classes that were held out to choose by";
  const few =
    classes < FEW_CLASSES
      ? `: a score on fewer than ${FEW_CLASSES} classes means little, cross-validate`
      : "";
  return `${queries} queries of ${classes} ${of}, ${dataDir} (${fingerprint.slice(0, 8)})${few}`;
}

/** Formats "data/demo (3f2a91c0), 11 of 14 classes trained on", for a table cell. */
export function shortScoredOn(on: ScoredOn | undefined): string {
  if (!on) return WITHOUT_NOTE;
  const { dataDir, fingerprint, trainedOn, classes, classesOf } = on;
  const choice = classesOf === "training" ? ", held-out training classes" : "";
  const count = trainedOn ? `, ${trainedOn} of ${classes} classes trained on` : "";
  const learned = trainedOn === undefined ? ", trained on or not: not known" : count;
  return `${dataDir} (${fingerprint.slice(0, 8)})${choice}${learned}`;
}

/** Formats "11 of 14 classes were trained on"; "" if none was. */
export function trainedOnText({ trainedOn, classes, atLeast }: ScoredOn): string {
  if (trainedOn === undefined)
    return `whether it was trained on these classes is not known (${WITHOUT_NOTE}, or without class names)`;
  return trainedOn > 0
    ? `${atLeast ? "at least " : ""}${trainedOn} of ${classes} classes were trained on`
    : "";
}

/** Returns the mark behind a score: "*" if the model was trained on some of the classes, "?" if that is not known. */
export function scoreMark({ trainedOn }: ScoredOn): "" | "*" | "?" {
  if (trainedOn === undefined) return "?";
  return trainedOn > 0 ? "*" : "";
}
