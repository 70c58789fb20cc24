// made_of.json: what a run was made of, as it was when it started; and how that differs from what is there now.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readJson, writeJson } from "../common/files/files";
import type { MadeOfSettings } from "../config/parts";
import { featuresPath, tablePath } from "../config/paths";
import { type MadeOf, madeOf } from "./provenance";

/** What a run was made of, and what its weights have learned. */
export interface RunNote extends MadeOf {
  /** The classes that it learns, in the order of its head; absent where they are those of the table. */
  learned?: string[];
  /** Classes that its weights had learned before, in the runs that it started from. */
  learnedBefore?: string[];
  /** Its start, or one before that, did not tell what it had learned. */
  startIsUnknown?: true;
  /** The checkpoint of `initFrom`, by `fileFingerprint`. */
  start?: string;
}

const NAMES = z.array(z.string());
const CONTENT = z.object({ sha256: z.string(), rows: z.number().int().nonnegative() });
const NOTE = z.object({
  table: CONTENT.extend({ file: z.string() }),
  classes: NAMES.optional(),
  heldOut: CONTENT.extend({ classes: NAMES.optional() }).optional(),
  weights: z.string().optional(),
  learned: NAMES.optional(),
  learnedBefore: NAMES.optional(),
  startIsUnknown: z.literal(true).optional(),
  start: z.string().optional(),
});

const NOTE_FILE = "made_of.json";

/** What is said of a run whose folder has no note. */
export const WITHOUT_NOTE = "made before runs noted their data";

/** The note in a run's folder; undefined for a run that was made before there were any. */
export function readNote(folder: string): RunNote | undefined {
  const path = join(folder, NOTE_FILE);
  return existsSync(path)
    ? readJson(path, NOTE, "Delete it: the run is then one of unknown data.")
    : undefined;
}

/** Writes the note of a run. */
export function writeNote(folder: string, note: RunNote): void {
  writeJson(join(folder, NOTE_FILE), note);
}

/** The classes that a run learns by their rows in its head; undefined where they have no names. */
export function learnedClasses({
  classes,
  learned,
}: Pick<RunNote, "classes" | "learned">): string[] | undefined {
  return learned ?? classes;
}

/** Says how what a run was made of differs from what is there now; [] where all is the same, or nothing was noted. */
export function dataDifferences(folder: string, config: MadeOfSettings): string[] {
  const before = readNote(folder);
  if (!before) return [];
  const now = madeOf(config);
  if (!now) return [`its training table is gone (${trainingPath(config)})`];
  const otherWeights = before.weights && now.weights && before.weights !== now.weights;
  return [
    ...changes("the training table has", { ...before, ...before.table }, { ...now, ...now.table }),
    ...heldOutChanges(before.heldOut, now.heldOut),
    ...(otherWeights ? [`the backbone's weights are others (${config.weights})`] : []),
  ];
}

function trainingPath(config: MadeOfSettings): string {
  return config.features ? featuresPath(config) : tablePath(config);
}

function heldOutChanges(before: MadeOf["heldOut"], now: MadeOf["heldOut"]): string[] {
  if (before && now) return changes("the held-out classes have", before, now);
  if (before) return ["the held-out classes are gone"];
  return now ? ["there are held-out classes now"] : [];
}

type NamedContent = NonNullable<MadeOf["heldOut"]>;

/** "the training table has changed: 280 rows, now 300; classes added: kiwi". */
function changes(what: string, before: NamedContent, now: NamedContent): string[] {
  const isSame = before.sha256 === now.sha256;
  const names = before.classes && now.classes ? nameChanges(before.classes, now.classes) : "";
  const rows =
    before.rows === now.rows
      ? `${now.rows} rows as before, but others`
      : `${before.rows} rows, now ${now.rows}`;
  const parts = [...(isSame ? [] : [rows]), ...(names === "" ? [] : [names])];
  return parts.length > 0 ? [`${what} changed: ${parts.join("; ")}`] : [];
}

/** "classes added: kiwi; removed: fig, plum"; "" where the lists are the same. */
export function nameChanges(before: readonly string[], now: readonly string[]): string {
  const [old, young] = [new Set(before), new Set(now)];
  const added = now.filter((name) => !old.has(name));
  const removed = before.filter((name) => !young.has(name));
  if (added.length + removed.length > 0) {
    const parts = [
      added.length > 0 && `added: ${listed(added)}`,
      removed.length > 0 && `removed: ${listed(removed)}`,
    ];
    return `classes ${parts.filter(Boolean).join("; ")}`;
  }
  return before.join("\n") === now.join("\n") ? "" : "the same classes under other numbers";
}

const SHOWN_NAMES = 5;

/** "kiwi, plum and 3 more", without the names of data sets. */
export function listed(classes: readonly string[]): string {
  const names = classes.slice(0, SHOWN_NAMES).map((name) => name.slice(name.indexOf("/") + 1));
  const more = classes.length - names.length;
  return names.join(", ") + (more > 0 ? ` and ${more} more` : "");
}
