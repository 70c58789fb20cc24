// The file `.<name>.owner` next to a place (a folder or a file), which names the process that fills the place. It is
// made exclusively: that works on network file systems too, and needs no lock of the system.
import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { messageOf, UserError } from "../errors";
import { isRunning, processNamespace, processStart } from "../parallel/processes";
import { createExclusively } from "./exclusive";

/** The process that fills a place. */
export interface Owner {
  pid: number;
  /** When it began, in clock ticks since boot: tells a reused number apart. */
  start: string;
  host: string;
  /** The host's numbering of processes; containers have their own. */
  namespace: string;
  /** ISO 8601. */
  since: string;
  /** Tells two claims of one process apart. */
  id: string;
}

/** Time without a sign of life after which an owner on another host counts as dead. */
export const SILENT_MS = 300_000;
/** Pause before a second look at an owner's file. */
export const LOOK_MS = 200;

/** Codes of paths at which no file can exist, and so no owner's file either. */
const NO_OWNER: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG"]);

/** Returns the path of the file that names the owner of a place. */
export function ownerFile(place: string): string {
  const path = resolve(place);
  return join(dirname(path), `.${basename(path)}.owner`);
}

/** Returns the living process that fills a place; undefined if there is none. */
export function ownerOf(place: string): Owner | undefined {
  const owner = readOwner(ownerFile(place));
  return owner && isAlive(owner, ownerFile(place)) ? owner : undefined;
}

/** Describes this process as the owner in a new claim. */
export function describeSelf(): Owner {
  const { pid } = process;
  const id = randomBytes(8).toString("hex");
  return {
    pid,
    start: processStart(pid),
    host: hostname(),
    namespace: processNamespace(),
    since: new Date().toISOString(),
    id,
  };
}

/** Tells whether two owners are the same process, in claims of any time. */
export function isSameProcess(a: Owner, b: Owner): boolean {
  return a.pid === b.pid && a.start === b.start && a.host === b.host && a.namespace === b.namespace;
}

/** Tells whether an owner runs on this host, in this numbering of processes. */
export function isOnThisHost({ host, namespace }: Owner): boolean {
  return host === hostname() && namespace === processNamespace();
}

/** Tells whether an owner lives: on this host by its process, on another by the time of its file. */
export function isAlive(owner: Owner, path: string): boolean {
  if (isOnThisHost(owner)) return isRunning(owner.pid) && processStart(owner.pid) === owner.start;
  const seenAtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - seenAtMs < SILENT_MS;
}

/**
 * Reads an owner's file; a file that is just being written is read a second time.
 * @returns undefined if there is no such file
 * @throws UserError if the file names no process
 */
export function readOwner(path: string): Owner | undefined {
  for (let isLast = false; ; isLast = true) {
    try {
      return JSON.parse(readFileSync(path, "utf8")) as Owner;
    } catch (error) {
      if (NO_OWNER.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
      if (!(error instanceof SyntaxError)) throw error;
      if (isLast) {
        throw new UserError(`${path} does not name a process: ${messageOf(error)}.`, `Delete ${path}.`);
      }
      sleepSync(LOOK_MS);
    }
  }
}

/** Replaces an owner's file atomically. */
export function replaceOwner(path: string, owner: Owner): void {
  const temporary = `${path}.${owner.id}`;
  writeFileSync(temporary, textOf(owner));
  renameSync(temporary, path);
}

/** Makes an owner's file. @returns false if the file exists already */
export function createOwner(path: string, owner: Owner): boolean {
  return createExclusively(path, textOf(owner));
}

function textOf(owner: Owner): string {
  return `${JSON.stringify(owner)}\n`;
}

/** Blocks this thread. */
export function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, ms);
}
