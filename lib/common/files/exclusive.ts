// Files that are made once: of several processes that make one at the same time, exactly one succeeds. It works on
// network file systems too (a hard link, else O_EXCL), and needs no lock of the system.
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { syncPath } from "./durable";
import { temporaryPath } from "./files";

/**
 * Makes a file with this text, and the folder above it.
 * @param durable true for a file that must not be found empty after a power cut
 * @returns false if the file exists already
 */
export function createExclusively(path: string, text: string, { durable = false } = {}): boolean {
  const temporary = temporaryPath(path);
  writeInto(temporary, text);
  if (durable) syncPath(temporary);
  try {
    return linkedExclusively(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Writes a file; makes its folder if there is none, or if another process has just removed it. */
function writeInto(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

function linkedExclusively(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    // a network file system may have made the link and lost its answer
    if (statSync(temporary).nlink === 2) return true;
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    return createdWithoutLink(path, readFileSync(temporary, "utf8"));
  }
}

/** Makes a file on a file system without hard links. */
function createdWithoutLink(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
