// Shares: several processes, on several hosts, each fill a part of one place (a folder or a file); a last one, without a
// part, completes it. Next to a place NAME are `.NAME.2_of_4.owner`, the process that fills that part, and
// `.NAME.shares/`, a file per part that only its own process writes: `2_of_4.jsonl`. The last process owns the place and
// removes both. Whoever writes says so first and looks for others then; so of a share and a last process that begin at
// once, at least one sees the other, and the share is the one that gives way.
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { checkInterrupt } from "../interrupt";
import { notice } from "../notice";
import { claimAfter, ownedText } from "./claim";
import { LOOK_MS, ownerFile, ownerOf } from "./owner";
import { type Part, partText } from "./part";
import { sharesPlace } from "./replace";

/**
 * Runs `work` while this process owns a part of a place. Waits for another process that fills the same part, and for one
 * that fills the whole place.
 * @param what the work, for messages: "The embedding"
 */
export async function asShare<T>(
  place: string,
  part: Part,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const own = partPlace(place, part);
  for (;;) {
    const { release } = await claimAfter(own, `${what}, ${partText(part)},`);
    try {
      if (!ownerOf(place)) return await work();
    } finally {
      release();
    }
    await untilEnded(place, what);
  }
}

/** Waits until no process fills a part of a place. The caller owns the place, so none begins. @throws Interrupted */
export async function untilSharesEnded(place: string, what: string): Promise<void> {
  for (const part of partPlaces(place)) await untilEnded(part, `${what}, a part,`);
}

async function untilEnded(place: string, what: string): Promise<void> {
  for (let isTold = false; ; isTold = true) {
    const owner = ownerOf(place);
    if (!owner) return;
    if (!isTold) notice(`${ownedText(place, what, owner)} Waiting for it.`);
    await checkInterrupt();
    await pause(LOOK_MS);
  }
}

/** Returns the path of the file that only the process of a part writes. @param ending with its dot: ".jsonl" */
export function shareFile(place: string, { index, count }: Part, ending: string): string {
  return join(sharesPlace(place), `${index}_of_${count}${ending}`);
}

/** For how long the last process takes finished work of shares as it is, without a look at what it was made from. */
const TAKEN_MS = 3 * 24 * 3_600_000;

/** Files of shares by age, each list in the order of their last changes. */
export interface ShareFiles {
  /** Files whose contents count without a further look. */
  recent: string[];
  /** Files of work that was left unfinished long ago: its sources may have changed since. */
  old: string[];
}

/** Lists these files of all parts that were begun, also of other counts. */
export function shareFiles(place: string, ending: string): ShareFiles {
  const folder = sharesPlace(place);
  if (!existsSync(folder)) return { recent: [], old: [] };
  const files = readdirSync(folder)
    .filter((name) => /^\d+_of_\d+\./.test(name) && name.endsWith(ending))
    .map((name) => join(folder, name))
    .map((path) => ({ path, ageMs: Date.now() - statSync(path).mtimeMs }))
    .sort((a, b) => b.ageMs - a.ageMs);
  const paths = (isRecent: boolean) =>
    files.flatMap(({ path, ageMs }) => (ageMs < TAKEN_MS === isRecent ? path : []));
  return { recent: paths(true), old: paths(false) };
}

/** Tells that finished work of shares is taken as it is. @param what what the shares have made: "images of Fruit" */
export function noticeTaken({ recent }: ShareFiles, what: string): void {
  if (recent.length === 0) return;
  const parts = recent.length === 1 ? "1 part" : `${recent.length} parts`;
  notice(
    `Taken as they are: ${what} by ${parts} of the work. A later call sees photos that have changed since.`,
  );
}

/** Removes what shares have left next to a place; none is under way. */
export function dropShares(place: string): void {
  rmSync(sharesPlace(place), { recursive: true, force: true });
  for (const part of partPlaces(place)) rmSync(ownerFile(part), { force: true });
}

function partPlace(place: string, { index, count }: Part): string {
  return `${resolve(place)}.${index}_of_${count}`;
}

/** Lists the parts of a place that have an owner's file, of a living process or a dead one. */
function partPlaces(place: string): string[] {
  const [folder, start] = [dirname(resolve(place)), `.${basename(resolve(place))}.`];
  return readdirSync(folder).flatMap((name) => {
    const part = name.startsWith(start) && /^(\d+_of_\d+)\.owner$/.exec(name.slice(start.length));
    return part ? [`${resolve(place)}.${part[1]}`] : [];
  });
}
