// Notes the inputs of a run at its start, and describes the data of its scores.

import { fileFingerprint } from "../common/files/fingerprint";
import type { ScoredSettings } from "../config/data";
import type { MadeOfSettings } from "../config/parts";
import { dataFolder } from "../config/paths";
import type { StartSettings } from "../config/start";
import { findCheckpoint } from "../runs/checkpoint_ref";
import { learnedBefore, learnedBy, writeTrainedImages } from "../runs/learned_classes";
import type { ScoredOn } from "../runs/metrics";
import { madeOf } from "../runs/provenance";
import { type RunNote, readNote, writeNote } from "../runs/run_note";
import { scoredOn } from "../runs/scored_on";
import type { RunData } from "./data/run_data";

/**
 * Writes the note of a run's inputs into its folder: before its first step, or when it goes on with a fresh head, which
 * may have other classes. Otherwise a resumed run has a note, or is older than notes.
 * @param start the folder of the run that it starts from; undefined for fresh weights
 */
export function noteRun(
  folder: string,
  config: MadeOfSettings & Pick<StartSettings, "initFrom">,
  { train, validation, classes }: RunData,
  start: string | undefined,
): void {
  const made = madeOf(config);
  if (!made) return; // the table was deleted after it was read
  const isWhole = classes === undefined || classes.length === made.classes?.length;
  const note: RunNote = {
    ...made,
    learned: isWhole ? undefined : [...classes],
    ...learnedBefore(start),
    ...startOf(folder, config, start),
  };
  const before = start === undefined ? undefined : learnedBy(start);
  const isSameDir = before && dataFolder(before) === dataFolder(config);
  writeTrainedImages(folder, [train.files, validation.files], isSameDir ? before.images : []);
  writeNote(folder, note);
}

/** Returns the fingerprint of the start; a resumed run keeps the one noted at its beginning. */
function startOf(
  folder: string,
  { initFrom }: Pick<StartSettings, "initFrom">,
  start: string | undefined,
): Pick<RunNote, "start"> {
  if (initFrom === "") return {};
  const before =
    start === folder ? readNote(folder) : { start: fileFingerprint(findCheckpoint(initFrom).path) };
  return before?.start === undefined ? {} : { start: before.start };
}

/** Describes the data that a run's retrieval is scored on; undefined if no classes are held out. */
export function runScoredOn(
  folder: string,
  config: ScoredSettings,
  { retrieval, retrievalClasses }: Pick<RunData, "retrieval" | "retrievalClasses">,
): ScoredOn | undefined {
  const set = retrieval && { ...retrieval, classes: retrievalClasses };
  return set && scoredOn(set, config, learnedBy(folder));
}
