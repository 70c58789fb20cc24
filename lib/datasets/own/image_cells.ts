// Finds the files that the cells of a table name.
import { existsSync, readdirSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { UserError } from "../../common/errors";
import { IMAGE_ENDINGS } from "../../common/files/image_folder";
import { findFile } from "../../common/files/unicode_names";
import { checkedImagePath } from "../readers/image_path";

/** The way from a table's cells to files. */
export interface CellPlace {
  /** Absolute path of the folder that relative cells start from. */
  base: string;
  /** Text that is appended to every cell: ".jpg", or "". */
  ending: string;
  /** True if cells write folders with backslashes. */
  isWindows: boolean;
  /** Share of the tried cells that name a file, 0..1. */
  share: number;
}

const CELLS_TRIED = 50;
const MOST_FOLDERS = 300;
const FOLDER_DEPTH = 2;
const GOOD_SHARE = 0.5;
const ENDINGS_TRIED = [".jpg", ".jpeg", ".png", ".JPG", ".webp"];

/** Tells whether a cell ends like an image. */
export function isImageCell(cell: string): boolean {
  return IMAGE_ENDINGS.some((ending) => cell.toLowerCase().endsWith(`.${ending}`));
}

/**
 * Finds the folder and the spelling by which most of a column's cells name files.
 * @param bases absolute folders, the likeliest first; the folders below the first one are tried as well
 */
export function findPlace(cells: readonly string[], bases: readonly string[]): CellPlace {
  const tried = spread(cells.filter((cell) => cell !== ""));
  const endings = tried.some(isImageCell) ? [""] : ["", ...ENDINGS_TRIED];
  const spellings = tried.some((cell) => cell.includes("\\")) ? [false, true] : [false];
  let best: CellPlace = { base: bases[0]!, ending: "", isWindows: false, share: 0 };
  const tryIn = (base: string) => {
    for (const ending of endings)
      for (const isWindows of spellings) {
        const place = { base, ending, isWindows };
        const found = tried.filter((cell) => exists(pathIn(cell, place))).length;
        if (found > best.share * tried.length) best = { ...place, share: found / tried.length };
      }
  };
  for (const base of bases) if (best.share < GOOD_SHARE) tryIn(base);
  if (best.share >= GOOD_SHARE || tried.every(isAbsolute)) return best;
  for (const folder of foldersBelow(bases[0]!)) {
    if (best.share >= GOOD_SHARE) break;
    tryIn(folder);
  }
  return best;
}

/** Returns cells from the whole list, evenly. */
function spread(cells: readonly string[]): string[] {
  const step = Math.max(1, cells.length / CELLS_TRIED);
  const count = Math.min(cells.length, CELLS_TRIED);
  return Array.from({ length: count }, (_, i) => cells[Math.floor(i * step)]!);
}

function exists(path: string): boolean {
  return path !== "" && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function pathIn(cell: string, { base, ending, isWindows }: Omit<CellPlace, "share">): string {
  const path = resolve(base, (isWindows ? cell.replaceAll("\\", "/") : cell) + ending);
  const isTooLong = path.includes("\0") || path.split("/").some((name) => Buffer.byteLength(name) > 255);
  return isTooLong || Buffer.byteLength(path) > 4095 ? "" : path;
}

function foldersBelow(root: string): string[] {
  const found: string[] = [];
  const add = (folder: string, depth: number) => {
    if (depth > FOLDER_DEPTH || found.length >= MOST_FOLDERS || !existsSync(folder)) return;
    const names = readdirSync(folder, { withFileTypes: true }).filter(
      (entry) => entry.isDirectory() && !entry.name.startsWith("."),
    );
    for (const { name } of names) found.push(join(folder, name));
    for (const { name } of names) add(join(folder, name), depth + 1);
  };
  add(root, 1);
  return found;
}

/**
 * Returns the path of a cell's file below the root, as the disk spells it; undefined if there is no such file.
 * @param where table and row, for messages
 * @throws UserError for a path that leaves the root, with a root that would hold it
 */
export function fileOfCell(
  cell: string,
  place: CellPlace,
  root: string,
  where: string,
): { file: string; isThere: boolean } {
  const path = pathIn(cell, place);
  if (path === "") return { file: cell, isThere: false };
  const below = relative(root, path);
  if (below === "" || below === ".." || below.startsWith(`..${sep}`) || isAbsolute(below))
    throw new UserError(
      `${where}: the image ${JSON.stringify(cell)} lies outside of ${root}.`,
      `Name a folder that holds all images as root (npx guie get-data --root ${commonFolder(root, path)}).`,
    );
  const checked = checkedImagePath(below, where);
  const file = findFile(root, checked);
  return { file: file ?? checked, isThere: file !== undefined };
}

function commonFolder(a: string, b: string): string {
  const [x, y] = [a.split("/"), b.split("/")];
  const end = x.findIndex((name, i) => name !== y[i]);
  return (end < 0 ? x : x.slice(0, end)).join("/") || "/";
}
