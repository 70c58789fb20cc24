// Inspects a raw folder: its content, missing parts and archives.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { byCodeUnit } from "../common/code_units";
import { projectPath } from "../common/project";
import { ARCHIVE_NAME, isArchiveName } from "./archives/entry";
import { markerName, WORK_FOLDER } from "./archives/entry_path";
import type { ExtractOptions } from "./archives/extract";
import { isUnpacked, looksUnpacked, refuseOtherEncoding, unpackArchive } from "./archives/unpack";
import { namesNote } from "./archives/zip_names";
import { type DataSet, findDataSet } from "./catalogue";
import { downloadSteps } from "./download";

/** An archive in a raw folder. */
export interface RawArchive {
  name: string;
  bytes: number;
  /**
   * `waiting`: unpacked by the next reading. `left`: not unpacked, because the folder is complete although nothing was
   * unpacked here: somebody did it by hand. `foreign`: a format that must be unpacked by hand.
   */
  state: "unpacked" | "waiting" | "left" | "foreign";
}

/** Content of a raw folder, and its missing parts. */
export interface RawStatus {
  dataset: string;
  title: string;
  /** Absolute path of the raw folder. */
  folder: string;
  /** True if all parts exist; only the reader checks their content. */
  isWhole: boolean;
  /** Parts of the layout that exist. */
  there: string[];
  /** Parts of the layout that do not exist. */
  missing: string[];
  archives: RawArchive[];
  licence: string;
  source: string;
  size?: string;
  /** Steps to get the data set, one line each; empty if it is complete. */
  howToGet: string[];
}

/** Placeholder part of a data set whose folders are its classes. */
const ANY_FOLDER = "folders of images";

/**
 * Returns the absolute path at which the raw data of a data set is expected.
 * @example
 * rawFolder("data/guie", findDataSet("Fruit")) // where its raw files belong
 */
export function rawFolder(dataDir: string, { folder }: Pick<DataSet, "folder">): string {
  return projectPath(dataDir, "raw", folder);
}

/**
 * Returns the existing and missing parts of a data set, and how to get it. Reads only the names in the folder.
 * @param folder the data set's raw folder; need not exist
 * @example
 * inspectRaw(findDataSet("Fruit"), rawFolder("data/guie", findDataSet("Fruit")))
 */
export function inspectRaw(set: DataSet, folder: string): RawStatus {
  const names = existsSync(folder) ? readdirSync(folder).sort(byCodeUnit) : [];
  const parts = set.parts.length > 0 ? set.parts : [ANY_FOLDER];
  const isThere = (part: string) =>
    part === ANY_FOLDER ? names.some((name) => isFolder(folder, name)) : names.includes(part);
  const missing = parts.filter((part) => !isThere(part));
  return {
    dataset: set.name,
    title: set.title,
    folder,
    isWhole: missing.length === 0,
    there: parts.filter(isThere),
    missing,
    archives: archivesIn(folder, names, missing.length === 0),
    licence: set.licence,
    source: set.source,
    size: set.size,
    howToGet: missing.length === 0 ? [] : downloadSteps(set.download, set.source, folder),
  };
}

/**
 * Unpacks the waiting archives of a raw folder.
 * @returns notes on how their file names were decoded
 * @throws UserError for an archive that is refused or damaged; earlier archives stay unpacked
 */
export async function unpackRaw(
  set: DataSet,
  folder: string,
  options: Pick<ExtractOptions, "zipEncoding" | "onProgress">,
): Promise<string[]> {
  const notes: string[] = [];
  for (const { name, state } of inspectRaw(set, folder).archives) {
    if (state !== "waiting" && state !== "unpacked") continue;
    const isDone = await isUnpacked(folder, name);
    if (isDone) refuseOtherEncoding(folder, name, options.zipEncoding);
    const { names } = await unpackArchive(folder, name, { unwrap: set.unwrap, ...options });
    if (names && !isDone) notes.push(namesNote(join(folder, name), names));
  }
  return notes;
}

/** Depth to which wrapping folders are searched. */
const WRAPPER_DEPTH = 2;

/**
 * Finds the folder below a raw folder that holds the data set: archives often have a wrapping folder.
 * @returns its path relative to `folder`; undefined if there is none
 */
export function wrapperIn(set: DataSet, folder: string, depth = WRAPPER_DEPTH): string | undefined {
  const folders = readdirSync(folder).filter((name) => isFolder(folder, name));
  const holdsAll = (name: string) => {
    const inside = readdirSync(join(folder, name));
    if (set.parts.length > 0) return set.parts.every((part) => inside.includes(part));
    return folders.length === 1 && inside.some((part) => isFolder(join(folder, name), part));
  };
  const found = folders.find(holdsAll);
  if (found !== undefined || depth === 1) return found;
  for (const name of folders) {
    const deeper = wrapperIn(set, join(folder, name), depth - 1);
    if (deeper !== undefined) return join(name, deeper);
  }
  return undefined;
}

function isFolder(folder: string, name: string): boolean {
  return (
    !name.startsWith(".") && (statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory() ?? false)
  );
}

function archivesIn(folder: string, names: readonly string[], isWhole: boolean): RawArchive[] {
  const archives = names.filter((name) => !name.startsWith(".") && isArchiveName(name));
  const hasBegun =
    names.includes(WORK_FOLDER) || archives.some((name) => existsSync(join(folder, markerName(name))));
  return archives.flatMap((name) => {
    const found = statSync(join(folder, name), { throwIfNoEntry: false });
    if (!found?.isFile()) return [];
    const waiting = isWhole && !hasBegun ? "left" : "waiting";
    const state = !ARCHIVE_NAME.test(name) ? "foreign" : looksUnpacked(folder, name) ? "unpacked" : waiting;
    return [{ name, bytes: found.size, state }];
  });
}

/**
 * Returns the status of a data set's raw folder as text.
 * @param dataset a name or folder of the catalogue
 * @example
 * console.log(describeRaw("data/guie", "Fruit")); // what is there, what is missing
 */
export function describeRaw(dataDir: string, dataset: string): string {
  const set = findDataSet(dataset, dataDir);
  return rawStatusText(inspectRaw(set, rawFolder(dataDir, set)));
}

/** Returns a status as text for a terminal or a notebook. */
export function rawStatusText(status: RawStatus): string {
  const { title, dataset, folder, isWhole, there, missing, archives, licence, source, size, howToGet } =
    status;
  const lines: [string, string][] = [
    ["folder", folder],
    ["there", there.join(", ") || "nothing"],
    ["missing", missing.join(", ") || "nothing"],
    ...archives.map((archive): [string, string] => ["archive", describeArchive(archive)]),
    ["terms", licence],
    ["from", size ? `${source} (${size})` : source],
    ...howToGet.map((step, index): [string, string] => [index === 0 ? "get it" : "", step]),
  ];
  const body = lines.map(([what, text]) => `  ${what.padEnd(8)} ${text}`);
  return [`${title} (${dataset}): ${isWhole ? "complete" : "incomplete"}`, ...body].join("\n");
}

const ARCHIVE_STATES: Readonly<Record<RawArchive["state"], string>> = {
  unpacked: "is unpacked",
  waiting: "is unpacked when the data set is read",
  left: "is left unchanged: the folder is complete",
  foreign: "must be unpacked by hand, with 7z or unar",
};

function describeArchive({ name, bytes, state }: RawArchive): string {
  return `${name} (${(bytes / 1e6).toFixed(1)} MB) ${ARCHIVE_STATES[state]}`;
}
