// Claims of places (folders or files): one process at a time fills a place, and owns it until it ends or releases it.
import { existsSync, mkdirSync, rmdirSync, rmSync, utimesSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { messageOf, UserError } from "../errors";
import { checkInterrupt } from "../interrupt";
import { processStart } from "../parallel/processes";
import { writeError } from "./files";
import {
  createOwner,
  describeSelf,
  isAlive,
  isOnThisHost,
  isSameProcess,
  LOOK_MS,
  type Owner,
  ownerFile,
  ownerOf,
  readOwner,
  replaceOwner,
  SILENT_MS,
  sleepSync,
} from "./owner";

/** A place that this process fills. */
export interface Claim {
  /** Gives the place up. */
  release(): void;
  /** Hands the place over to a process of this host, which claims it as its own. */
  handTo(pid: number): void;
}

/** Time between two signs of life of an owner. */
const BEAT_MS = 20_000;
/** A parent that starts this process hands its place over within this time. */
const HAND_OVER_MS = 5000;

// Kept on the global object: every (reloaded) copy of lib shares what this process holds.
const HELD = Symbol.for("guie.heldPlaces");
const shared = globalThis as { [HELD]?: Set<string> };
shared[HELD] ??= new Set<string>();
const held = shared[HELD];

/**
 * Claims a place for this process; takes over the place of a dead owner.
 * @param what the work that fills it, for the message: "The export"
 * @throws UserError if a living process fills it
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
 * Claims a place once the process that fills it has ended.
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

/** Runs `work` while this process owns `place`. @throws UserError as `claim` */
export async function asOwner<T>(place: string, what: string, work: () => Promise<T>): Promise<T> {
  const { release } = claim(place, what);
  try {
    return await work();
  } finally {
    release();
  }
}

/**
 * Returns what `find` finds at a place, else what `make` makes there while this process owns the place. If another
 * process is making it, waits for that process and returns what it made.
 * @param find returns undefined if the place is empty
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

/** Removes the file of an owner that was killed after its work was done. */
function forgetDead(place: string): void {
  if (!existsSync(ownerFile(place)) || ownerOf(place)) return;
  try {
    const taken = tryClaim(place);
    if ("release" in taken) taken.release();
  } catch {
    // the folder is read-only: its file names a dead process, which disturbs nobody
  }
}

/** Returns "The run in checkpoints/a is under way (process 12, since 2026-01-31 12:34:56 UTC)." */
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
  return new UserError(ownedText(place, what, owner), next, { mayPass: true });
}

/** @throws UserError naming the place if the file system refuses the owner's file */
function tryClaim(place: string): Claim | Owner {
  try {
    return claimOrOwner(place);
  } catch (error) {
    throw writeError(resolve(place), withoutPath(error));
  }
}

/** Returns the error without the path of the owner's file, which no user knows: the message names the place instead. */
function withoutPath(error: unknown): unknown {
  const { code, syscall, path } = (error ?? {}) as NodeJS.ErrnoException;
  return path === undefined ? error : Object.assign(new Error(messageOf(error)), { code, syscall });
}

function claimOrOwner(place: string): Claim | Owner {
  const path = ownerFile(place);
  const made = mkdirSync(dirname(path), { recursive: true });
  const self = describeSelf();
  for (;;) {
    if (createOwner(path, self)) return holding(path, self, made);
    const owner = readOwner(path);
    if (!owner) continue; // it has just been given up
    if (isSameProcess(owner, self) && !held.has(path)) {
      replaceOwner(path, self); // handed over by the process that started this one
      return holding(path, self);
    }
    if (isAlive(owner, path)) return owner;
    if (takeOver(path, owner, self)) return holding(path, self);
  }
}

/**
 * Takes the place of a dead owner. Of the processes that find it dead, one at a time looks again.
 * @returns whether this process has taken the place
 */
function takeOver(path: string, dead: Owner, self: Owner): boolean {
  const turn = `${path}.next`;
  if (!createOwner(turn, self)) {
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
    replaceOwner(path, self);
    return true;
  } finally {
    rmSync(turn, { force: true });
  }
}

/** @param made topmost folder that was made for the owner's file: `release` removes it and those below, if empty */
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
      replaceOwner(path, { ...self, pid, start: processStart(pid) });
    },
  };
}

/** Removes folders from `folder` up to `top` as long as they are empty. */
function removeEmpty(folder: string, top: string): void {
  try {
    for (let path = folder; path.length >= top.length; path = dirname(path)) rmdirSync(path);
  } catch {
    // a folder is not empty, or gone
  }
}

function beat(path: string, self: Owner): void {
  try {
    if (readOwner(path)?.id === self.id) utimesSync(path, new Date(), new Date());
  } catch {
    // the next beat tries again: a network file system may be away for a moment
  }
}
