// Who fills a place: a folder, or a file. The owner's file `.<name>.owner` stands beside the place while a process
// fills it. It is made exclusively (a hard link, else O_EXCL), which network file systems keep to as well; no lock of
// the operating system is needed.
import { randomBytes } from "node:crypto";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { messageOf, UserError } from "../errors";
import { checkInterrupt } from "../interrupt";
import { isRunning, processNamespace, processStart } from "../processes";
import { writeError } from "./files";

/** The process that fills a place. */
export interface Owner {
  pid: number;
  /** When it began, in clock ticks since boot: tells a reused number apart. */
  start: string;
  host: string;
  /** The host's numbering of processes, where it has several (containers). */
  namespace: string;
  /** ISO 8601. */
  since: string;
  /** Tells two claims of one process apart. */
  id: string;
}

/** A place that this process fills. */
export interface Claim {
  /** Gives the place up. */
  release(): void;
  /** Hands the place over to a process of this host, which claims it as its own. */
  handTo(pid: number): void;
}

/** How often an owner shows that it lives. */
const BEAT_MS = 20_000;
/** An owner on another host that has not shown it for so long is taken for dead. */
const SILENT_MS = 300_000;
const LOOK_MS = 200;
/** A parent that starts this process hands its place over within this time. */
const HAND_OVER_MS = 5000;

// Kept on the global object: every (reloaded) copy of lib shares what this process holds.
const HELD = Symbol.for("guie.heldPlaces");
const shared = globalThis as { [HELD]?: Set<string> };
shared[HELD] ??= new Set<string>();
const held = shared[HELD];

/** The file that names the owner of a place. */
export function ownerFile(place: string): string {
  const path = resolve(place);
  return join(dirname(path), `.${basename(path)}.owner`);
}

/** The living process that fills a place; undefined where none does. */
export function ownerOf(place: string): Owner | undefined {
  const owner = readOwner(ownerFile(place));
  return owner && isAlive(owner, ownerFile(place)) ? owner : undefined;
}

/**
 * Claims a place for this process. A dead owner's place is taken over.
 * @param what the work that fills it, for the message: "The export"
 * @throws UserError where a living process fills it
 */
export function claim(place: string, what: string): Claim {
  const deadlineMs = Date.now() + HAND_OVER_MS;
  for (;;) {
    const taken = tryClaim(place);
    if ("release" in taken) return taken;
    const isParent = taken.pid === process.ppid && isOnThisHost(taken);
    if (!isParent || Date.now() > deadlineMs) throw ownedError(place, what, taken);
    sleepSync(LOOK_MS / 10);
  }
}

/**
 * The same, once the process that fills the place has ended.
 * @throws Interrupted after Interrupt
 */
export async function claimAfter(place: string, what: string): Promise<Claim> {
  for (let isTold = false; ; isTold = true) {
    const taken = tryClaim(place);
    if ("release" in taken) return taken;
    if (!isTold) process.stderr.write(`${ownedText(place, what, taken)} Waiting for it.\n`);
    await checkInterrupt();
    await pause(LOOK_MS);
  }
}

/** Does `work` while this process owns `place`. @throws UserError as `claim` */
export async function asOwner<T>(place: string, what: string, work: () => Promise<T>): Promise<T> {
  const { release } = claim(place, what);
  try {
    return await work();
  } finally {
    release();
  }
}

/**
 * What is at a place, else what `make` makes there while this process owns it. Where another process makes it, this one
 * waits, and has what the other has made.
 * @param find gives undefined where nothing is there
 */
export async function findOrMake<T>(
  place: string,
  what: string,
  find: () => T | undefined | Promise<T | undefined>,
  make: () => Promise<T>,
): Promise<T> {
  const found = await find();
  if (found !== undefined) {
    forgetDead(place);
    return found;
  }
  const { release } = await claimAfter(place, what);
  try {
    return (await find()) ?? (await make());
  } finally {
    release();
  }
}

/** Removes the file of an owner that was killed when all was done. */
function forgetDead(place: string): void {
  if (!existsSync(ownerFile(place)) || ownerOf(place)) return;
  try {
    const taken = tryClaim(place);
    if ("release" in taken) taken.release();
  } catch {
    // a folder that may not be written to: the file says nothing of a process that lives
  }
}

/** "The run in checkpoints/a is under way (process 12, since 2026-01-31 12:34:56)." */
export function ownedText(
  place: string,
  what: string,
  { pid, host, since }: Pick<Owner, "pid" | "host" | "since">,
): string {
  const where = host === hostname() ? "" : ` on ${host}`;
  return `${what} in ${place} is under way (process ${pid}${where}, since ${since.slice(0, 19).replace("T", " ")} UTC).`;
}

function ownedError(place: string, what: string, owner: Owner): UserError {
  const file = ownerFile(place);
  const next = isOnThisHost(owner)
    ? "Watch it, wait for its end, or stop that process first."
    : `Wait for its end. If that process is gone: without a sign of life its place is free after ${SILENT_MS / 60_000} minutes, or delete ${file}.`;
  return new UserError(ownedText(place, what, owner), next);
}

/** @throws UserError naming the place where the file system refuses the owner's file */
function tryClaim(place: string): Claim | Owner {
  try {
    return claimOrOwner(place);
  } catch (error) {
    throw writeError(resolve(place), withoutPath(error));
  }
}

/** The owner's file is nothing that a person knows of: the message names the place. */
function withoutPath(error: unknown): unknown {
  const { code, syscall, path } = (error ?? {}) as NodeJS.ErrnoException;
  return path === undefined ? error : Object.assign(new Error(messageOf(error)), { code, syscall });
}

function claimOrOwner(place: string): Claim | Owner {
  const path = ownerFile(place);
  const made = mkdirSync(dirname(path), { recursive: true });
  const self = describeSelf();
  for (;;) {
    if (createExclusively(path, self)) return holding(path, self, made);
    const owner = readOwner(path);
    if (!owner) continue; // it has just been given up
    if (isSameProcess(owner, self) && !held.has(path)) {
      replace(path, self); // handed over by the process that started this one
      return holding(path, self);
    }
    if (isAlive(owner, path)) return owner;
    if (takeOver(path, owner, self)) return holding(path, self);
  }
}

/** Of all that find a dead owner one at a time looks again and takes its place. @returns whether this process did */
function takeOver(path: string, dead: Owner, self: Owner): boolean {
  const turn = `${path}.next`;
  if (!createExclusively(turn, self)) {
    const other = readOwner(turn);
    if (other && !isAlive(other, turn))
      return takeOver(turn, other, self) && finishTakeOver(path, dead, self, turn);
    sleepSync(1);
    return false;
  }
  return finishTakeOver(path, dead, self, turn);
}

function finishTakeOver(path: string, dead: Owner, self: Owner, turn: string): boolean {
  try {
    if (readOwner(path)?.id !== dead.id) return false;
    replace(path, self);
    return true;
  } finally {
    rmSync(turn, { force: true });
  }
}

/** @param made the first of the folders above that were made for the owner's file: they go with it while they are empty */
function holding(path: string, self: Owner, made?: string): Claim {
  held.add(path);
  const beats = setInterval(() => beat(path, self), BEAT_MS).unref();
  const forget = () => {
    clearInterval(beats);
    held.delete(path);
  };
  return {
    release: () => {
      forget();
      if (readOwner(path)?.id !== self.id) return;
      rmSync(path, { force: true });
      if (made !== undefined) removeEmpty(dirname(path), made);
    },
    handTo: (pid) => {
      forget();
      replace(path, { ...self, pid, start: processStart(pid) });
    },
  };
}

/** Removes folders from `folder` up to `top` as long as they are empty. */
function removeEmpty(folder: string, top: string): void {
  try {
    for (let path = folder; path.length >= top.length; path = dirname(path)) rmdirSync(path);
  } catch {
    // one is not empty, or gone
  }
}

function beat(path: string, self: Owner): void {
  try {
    if (readOwner(path)?.id === self.id) utimesSync(path, new Date(), new Date());
  } catch {
    // the next beat tries again: a network file system may be away for a moment
  }
}

/** @returns false where the file is there */
function createExclusively(path: string, owner: Owner): boolean {
  const temporary = `${path}.${owner.id}`;
  writeInto(temporary, textOf(owner));
  try {
    return linkedExclusively(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Makes the folder again where another owner has just removed it. */
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

/** For file systems without hard links. */
function createdWithoutLink(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function replace(path: string, owner: Owner): void {
  const temporary = `${path}.${owner.id}`;
  writeFileSync(temporary, textOf(owner));
  renameSync(temporary, path);
}

/** Where no file can be, nobody has left one. */
const NO_OWNER: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG"]);

const textOf = (owner: Owner) => `${JSON.stringify(owner)}\n`;

/** Undefined where nobody is the owner. A file that is being written names nobody yet, but is there. */
function readOwner(path: string): Owner | undefined {
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

function describeSelf(): Owner {
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

function isSameProcess(a: Owner, b: Owner): boolean {
  return a.pid === b.pid && a.start === b.start && a.host === b.host && a.namespace === b.namespace;
}

function isOnThisHost({ host, namespace }: Owner): boolean {
  return host === hostname() && namespace === processNamespace();
}

function isAlive(owner: Owner, path: string): boolean {
  if (isOnThisHost(owner)) return isRunning(owner.pid) && processStart(owner.pid) === owner.start;
  const seenAtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - seenAtMs < SILENT_MS;
}

function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, ms);
}
