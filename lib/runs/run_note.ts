// made_of.json: the inputs of a run at its start, and how the present ones differ.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readJson, writeJson } from "../common/files/files";
import type { MadeOfSettings } from "../config/parts";
import { featuresPath, tablePath } from "../config/paths";
import { type MadeOf, madeOf } from "./provenance";

/** The inputs of a run, and the classes that its weights have learned. */
export interface RunNote extends MadeOf {
  /** The classes that it learns, in the order of its head; absent if they are the table's. */
  learned?: string[];
  /** Classes that its weights had learned in the runs that it started from. */
  learnedBefore?: string[];
  /** The run that it started from, or one before that, has no such note. */
  startIsUnknown?: true;
  /** The `fileFingerprint` of the checkpoint that `initFrom` names. */
  start?: string;
}

const NAMES = z.array(z.string());
const CONTENT = z.object({ sha256: z.string(), rows: z.number().int().nonnegative() });
const NOTE = z.object({
  table: CONTENT.extend({ file: z.string() }),
  classes: NAMES.optional(),
  heldOut: CONTENT.extend({ classes: NAMES.optional() }).optional(),
  pack: z.string().optional(),
  weights: z.string().optional(),
  learned: NAMES.optional(),
  learnedBefore: NAMES.optional(),
  startIsUnknown: z.literal(true).optional(),
  start: z.string().optional(),
});

const NOTE_FILE = "made_of.json";

/** Words for a run whose folder has no note. */
export const WITHOUT_NOTE = "made before runs noted their data";

/** Reads the note in a run's folder; undefined for a run older than notes. */
export function readNote(folder: string): RunNote | undefined {
  const path = join(folder, NOTE_FILE);
  return existsSync(path) ? readJson(path, NOTE, "Delete it: the run's data is then unknown.") : undefined;
}

/** Writes the note of a run. */
export function writeNote(folder: string, note: RunNote): void {
  writeJson(join(folder, NOTE_FILE), note);
}

/** Returns the classes that a run learns, in the order of its head's rows; undefined if they have no names. */
export function learnedClasses({
  classes,
  learned,
}: Pick<RunNote, "classes" | "learned">): string[] | undefined {
  return learned ?? classes;
}

/** Tells how the present inputs differ from those of a run; [] if they are the same, or nothing was noted. */
export function dataDifferences(folder: string, config: MadeOfSettings): string[] {
  const before = readNote(folder);
  if (!before) return [];
  const now = madeOf(config);
  if (!now) return [`its training table is gone (${trainingPath(config)})`];
  const otherWeights = before.weights && now.weights && before.weights !== now.weights;
  return [
    ...changes("the training table has", { ...before, ...before.table }, { ...now, ...now.table }),
    ...heldOutChanges(before.heldOut, now.heldOut),
    ...(before.pack !== now.pack ? ["the tars were packed anew, in another order (guie pack)"] : []),
    ...(otherWeights ? [`the backbone's weights are different (${config.weights})`] : []),
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

/** Formats "the training table has changed: 280 rows, now 300; classes added: kiwi". */
function changes(what: string, before: NamedContent, now: NamedContent): string[] {
  const isSame = before.sha256 === now.sha256;
  const names = before.classes && now.classes ? nameChanges(before.classes, now.classes) : "";
  const rows =
    before.rows === now.rows
      ? `${now.rows} rows as before, but with other content`
      : `${before.rows} rows, now ${now.rows}`;
  const parts = [...(isSame ? [] : [rows]), ...(names === "" ? [] : [names])];
  return parts.length > 0 ? [`${what} changed: ${parts.join("; ")}`] : [];
}

/** Formats "classes added: kiwi; removed: fig, plum"; "" if the lists are the same. */
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

/** Formats "kiwi, plum and 3 more", without the names of data sets. */
export function listed(classes: readonly string[]): string {
  const names = classes.slice(0, SHOWN_NAMES).map((name) => name.slice(name.indexOf("/") + 1));
  const more = classes.length - names.length;
  return names.join(", ") + (more > 0 ? ` and ${more} more` : "");
}
