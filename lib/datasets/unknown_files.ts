// Reports files of a data directory that no data set claims: nothing reads them.
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { byCodeUnit } from "../common/code_units";
import { UserError } from "../common/errors";
import { projectPath } from "../common/project";
import { shellQuoted } from "../common/shell";
import { allDataSets, type DataSet, DEMO_SET, findDataSet } from "./catalogue";
import { presentDataSets } from "./get_data";
import { ownNameOf } from "./own_sets";
import { rawFolder } from "./raw_folder";

/** Files that are not read, and what to do with them. */
export interface Unread {
  what: string;
  next: string;
}

/** Endings of the tables that Get_Data writes for a data set. */
const TABLES = [".csv", "_classes.csv", "_left_out.csv", "_splits.csv"];

/** The folder `raw/` itself. */
const RAW = { folder: "" };

/**
 * Returns the content of `raw/` that belongs to no data set, directly or by a link; undefined if there is none.
 * @example
 * console.log(unreadText(unreadRaw("data/guie")));
 */
export function unreadRaw(dataDir: string): Unread | undefined {
  const folders = allDataSets(dataDir).map(({ folder }) => folder);
  const read = new Set(folders.map((folder) => realFolder(join(dataDir, "raw", folder))));
  const names = namesIn(rawFolder(dataDir, RAW)).filter(
    (name) => !folders.includes(name) && !read.has(realFolder(join(dataDir, "raw", name))),
  );
  if (names.length === 0) return undefined;
  return {
    what: `No data set has a raw folder of this name: ${listed("raw", names)}. Known are ${folders.join(", ")}.`,
    next: `Rename it if it is one of these; an archive belongs inside its folder.${folderAdvice(dataDir, names)}`,
  };
}

/** Returns advice for the first unknown folder: a person's own photos; empty if there is none. */
function folderAdvice(dataDir: string, names: readonly string[]): string {
  const found = names.find((name) =>
    statSync(rawFolder(dataDir, { folder: name }), { throwIfNoEntry: false })?.isDirectory(),
  );
  if (found === undefined) return "";
  const path = shellQuoted(join(dataDir, "raw", found));
  return (
    ` Photos of your own: ${ownCommand(dataDir, found, path)}\n` +
    `  To search images without training on them: npx guie embed ${path} --out features/NAME`
  );
}

/** Returns the command that reads a person's own photos. @param raw quoted for a shell */
function ownCommand(dataDir: string, name: string, raw: string): string {
  return `npx guie get-data --data-dir ${shellQuoted(dataDir)} --dataset ${ownNameOf(name)} --raw ${raw}`;
}

/**
 * Returns the tables in `csv/` that belong to no data set; undefined if there are none.
 * @example
 * console.log(unreadText(unreadTables("data/guie")));
 */
export function unreadTables(dataDir: string): Unread | undefined {
  const sets = allDataSets(dataDir).map(({ name }) => name);
  const known = new Set(sets.flatMap((name) => TABLES.map((ending) => `${name}${ending}`)));
  const tables = namesIn(projectPath(dataDir, "csv")).filter((name) => name.endsWith(".csv"));
  const names = tables.filter((name) => !known.has(name));
  if (names.length === 0) return undefined;
  const [from, to] = ["csv/", ""].map((folder) => shellQuoted(join(dataDir, folder, names[0]!)));
  return {
    what: `No data set has a table of this name: ${listed("csv", names)}. Known are ${sets.join(", ")}.`,
    next: `Read it as a table of your own photos (their paths are below ${dataDir}): mv -n ${from} ${to} && ${ownCommand(dataDir, names[0]!, to!)}`,
  };
}

/**
 * Returns unread files as text; "" if there are none.
 * @example
 * console.log(unreadText(unreadRaw("data/guie"))); // "" where nothing is left unread
 */
export function unreadText(unread: Unread | undefined): string {
  return unread ? `${unread.what}\n  Next: ${unread.next}` : "";
}

/**
 * Returns the named data sets; without names, those that have a raw folder, in merge order.
 * @throws UserError for an unknown name, or if no data set is found
 * @example
 * dataSetsToRead("data/guie").map(({ name }) => name)
 */
export function dataSetsToRead(dataDir: string, names: readonly string[] = []): DataSet[] {
  if (names.length > 0) return names.map((name) => findDataSet(name, dataDir));
  const present = presentDataSets(dataDir);
  if (present.length > 0) return present;
  const unread = unreadRaw(dataDir);
  throw new UserError(
    `There is no raw data set in ${rawFolder(dataDir, RAW)}.${unread ? ` ${unread.what}` : ""}`,
    unread?.next ??
      `Unpack one of the 14 there, draw the demo: ${DEMO_SET.download.command}, or read photos of your own: ` +
        `npx guie get-data --data-dir ${dataDir} --dataset NAME --raw PHOTOS`,
  );
}

/**
 * Returns true if a data directory is the demo's, however its path is written.
 * @example
 * isDemoFolder("data/demo")
 */
export function isDemoFolder(dataDir: string): boolean {
  return realFolder(dataDir) === realFolder(DEMO_SET.folder);
}

function realFolder(dataDir: string): string {
  const path = resolve(projectPath(dataDir));
  return existsSync(path) ? realpathSync(path) : path;
}

/** Returns "raw/a, raw/b" for `raw` and [a, b]. */
function listed(folder: string, names: readonly string[]): string {
  return names.map((name) => `${folder}/${name}`).join(", ");
}

function namesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .sort(byCodeUnit);
}
