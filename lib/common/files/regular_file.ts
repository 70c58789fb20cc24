// Opens regular files only, and never waits: opening a named pipe would wait for a writer, and a pipe has no end.
import { closeSync, constants, fstatSync, openSync, type Stats, statSync } from "node:fs";
import { open } from "node:fs/promises";

/** Names a special file ("a named pipe"); undefined for files and folders. */
export function specialKind(
  stats: Pick<Stats, "isFIFO" | "isSocket" | "isFile" | "isDirectory">,
): string | undefined {
  if (stats.isFile() || stats.isDirectory()) return undefined;
  return stats.isFIFO() ? "a named pipe" : stats.isSocket() ? "a socket" : "a device";
}

/** Names anything but a regular file ("a folder"); undefined for a file. */
function kindOf(stats: Stats): string | undefined {
  return stats.isDirectory() ? "a folder" : specialKind(stats);
}

/** The error for a path that leads to something other than a file. */
export class NoFileError extends Error {
  override readonly name = "NoFileError";
}

/**
 * Opens a file for reading; never waits.
 * @returns its descriptor
 * @throws NoFileError for a folder, a named pipe, a socket or a device; errors of the file system
 */
export function openRegularFile(path: string): number {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const kind = kindOf(fstatSync(file));
  if (kind === undefined) return file;
  closeSync(file);
  throw new NoFileError(`${kind}, not a file`);
}

/** Reads a file off the main thread. @throws as `openRegularFile` */
export async function readRegularFile(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const kind = kindOf(await file.stat());
    if (kind !== undefined) throw new NoFileError(`${kind}, not a file`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/**
 * Reads a part of a file off the main thread.
 * @returns fewer than `length` bytes at the file's end
 * @throws as `openRegularFile`
 */
export async function readRegularPart(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const kind = kindOf(await file.stat());
    if (kind !== undefined) throw new NoFileError(`${kind}, not a file`);
    const bytes = new Uint8Array(length);
    let end = 0;
    for (let count = -1; count !== 0 && end < length; end += count)
      count = (await file.read(bytes, end, length - end, offset + end)).bytesRead;
    return bytes.subarray(0, end);
  } finally {
    await file.close();
  }
}

/** Tells whether a path leads to a file. */
export function isRegularFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
