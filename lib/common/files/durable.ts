// Renames that survive a power cut: files are synced to the disk before they are renamed, so no name has half a file.
import { closeSync, fsyncSync, lstatSync, openSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";

/** Errors of file systems that cannot sync a folder (some network and FUSE ones): ignoring them loses nothing. */
const NO_FOLDER_SYNC = new Set(["EINVAL", "ENOTSUP", "EISDIR", "EPERM", "EACCES"]);

/**
 * Syncs a file, or a folder with all its contents, then renames it; returns when the new name is on the disk too.
 * @throws the file system's error; `path` is then unchanged
 */
export function renameDurably(temporary: string, path: string): void {
  renameTogether([[temporary, path]]);
}

/** Renames several files or folders as `renameDurably` does; none before all are on the disk. */
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
    syncPath(path);
  }
}

function syncFolder(path: string): void {
  try {
    syncPath(path);
  } catch (error) {
    if (!NO_FOLDER_SYNC.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Returns when the contents of a file are on the disk. */
export function syncPath(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
