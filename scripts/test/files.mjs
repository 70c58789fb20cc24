// Lists the files of folders, to detect changes later.
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Lists files and folders below `folders`: path -> time of the last change in ms. */
export function listFiles(folders) {
  const files = new Map();
  for (const folder of folders.filter((path) => existsSync(path))) {
    for (const name of ["", ...readdirSync(folder, { recursive: true })]) {
      const path = join(folder, name);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat) files.set(path, stat.mtimeMs);
    }
  }
  return files;
}

const SHOWN = 5;

/** Returns the differences of two listings: "made X", "changed Y", "deleted Z"; at most the first five. */
export function changesSince(before, now) {
  const changes = [
    ...[...now.keys()].filter((path) => !before.has(path)).map((path) => `made ${path}`),
    ...[...now].filter(([path, ms]) => (before.get(path) ?? ms) !== ms).map(([path]) => `changed ${path}`),
    ...[...before.keys()].filter((path) => !now.has(path)).map((path) => `deleted ${path}`),
  ];
  const more = changes.length - SHOWN;
  return more > 0 ? [...changes.slice(0, SHOWN), `and ${more} more`] : changes;
}
