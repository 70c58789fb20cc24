// Inspects a raw folder: what it holds and what it lacks.
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
   * `waiting` ones are unpacked by the next reading; `left` ones are not: the folder is whole without having been
   * unpacked here, so somebody did it by hand; `foreign` ones are of a kind that is not unpacked here.
   */
  state: "unpacked" | "waiting" | "left" | "foreign";
}

/** What a raw folder holds, and what it lacks. */
export interface RawStatus {
  dataset: string;
  title: string;
  /** Absolute path of the raw folder. */
  folder: string;
  /** True when every part is there; the reader says whether what is in them is as expected. */
  isWhole: boolean;
  /** Parts of the layout that are there, and those that are not. */
  there: string[];
  missing: string[];
  archives: RawArchive[];
  licence: string;
  source: string;
  size?: string;
  /** What to do to get the data set, one line each; empty when it is whole. */
  howToGet: string[];
}

/** Stands for the folders of a data set whose folders are its classes. */
const ANY_FOLDER = "folders of images";

/**
 * Where the raw data of a data set is expected: an absolute path.
 * @example
 * rawFolder("data/guie", findDataSet("Fruit")) // where its raw files belong
 */
export function rawFolder(dataDir: string, { folder }: Pick<DataSet, "folder">): string {
  return projectPath(dataDir, "raw", folder);
}

/**
 * What is there of a data set, what is missing, and how to get it. Nothing is read but the names in the folder.
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
 * Unpacks the archives of a raw folder that are waiting.
 * @returns what was guessed of their names
 * @throws UserError for an archive that is refused or damaged; those before it stay unpacked
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

/** An archive's own folders: how deep they are looked into. */
const WRAPPER_DEPTH = 2;

/**
 * The folder below a raw folder in which the data set lies instead: archives often bring a folder of their own.
 * @returns its path relative to `folder`; undefined where there is none
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
 * What is there of a data set below a data directory, as text.
 * @param dataset a name or folder of the catalogue
 * @example
 * console.log(describeRaw("data/guie", "Fruit")); // what is there, what is missing
 */
export function describeRaw(dataDir: string, dataset: string): string {
  const set = findDataSet(dataset);
  return rawStatusText(inspectRaw(set, rawFolder(dataDir, set)));
}

/** A status as text for a terminal or a notebook. */
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
  return [`${title} (${dataset}): ${isWhole ? "there" : "not whole"}`, ...body].join("\n");
}

const ARCHIVE_STATES: Readonly<Record<RawArchive["state"], string>> = {
  unpacked: "is unpacked",
  waiting: "is unpacked when the data set is read",
  left: "is left as it is: the folder is whole",
  foreign: "must be unpacked by hand, with 7z or unar",
};

function describeArchive({ name, bytes, state }: RawArchive): string {
  return `${name} (${(bytes / 1e6).toFixed(1)} MB) ${ARCHIVE_STATES[state]}`;
}
