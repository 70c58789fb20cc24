// A power cut must not leave a name with half of its file: what is written is on the disk before it is renamed.
import { closeSync, fsyncSync, lstatSync, openSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";

/** What file systems answer that cannot sync a folder (some network and FUSE ones): nothing is lost by going on. */
const NO_FOLDER_SYNC = new Set(["EINVAL", "ENOTSUP", "EISDIR", "EPERM", "EACCES"]);

/**
 * Renames a file, or a folder with all that is in it, once it is on the disk; returns when its name is there, too.
 * @throws the file system's error; then `path` is as it was
 */
export function renameDurably(temporary: string, path: string): void {
  renameTogether([[temporary, path]]);
}

/** The same for several, of which none is renamed before all are on the disk. */
export function renameTogether(renames: readonly (readonly [temporary: string, path: string])[]): void {
  for (const [temporary] of renames) syncTree(temporary);
  for (const [temporary, path] of renames) renameSync(temporary, path);
  for (const folder of new Set(renames.map(([, path]) => dirname(path)))) syncFolder(folder);
}

function syncTree(path: string): void {
  const stats = lstatSync(path);
  if (stats.isDirectory()) {
    for (const name of readdirSync(path)) syncTree(join(path, name));
    syncFolder(path);
  } else if (stats.isFile()) {
    sync(path);
  }
}

function syncFolder(path: string): void {
  try {
    sync(path);
  } catch (error) {
    if (!NO_FOLDER_SYNC.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
