// What lies in some folders, to see later whether it was touched.
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

/** Names what differs between two listings: "made X", "changed Y", "deleted Z"; of many the first five. */
export function changesSince(before, now) {
  const changes = [
    ...[...now.keys()].filter((path) => !before.has(path)).map((path) => `made ${path}`),
    ...[...now].filter(([path, ms]) => (before.get(path) ?? ms) !== ms).map(([path]) => `changed ${path}`),
    ...[...before.keys()].filter((path) => !now.has(path)).map((path) => `deleted ${path}`),
  ];
  const more = changes.length - SHOWN;
  return more > 0 ? [...changes.slice(0, SHOWN), `and ${more} more`] : changes;
}
