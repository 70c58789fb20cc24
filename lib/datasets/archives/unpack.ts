import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { messageOf, UserError } from "../../common/errors";
import { readJson, writeJson } from "../../common/files";
import { Interrupted } from "../../common/interrupt";
import { markerName, WORK_FOLDER } from "./entry_path";
import { type ExtractOptions, extract, type Unpacked } from "./extract";
import { Refusal } from "./refusal";

const DISK_ERRORS = new Set(["ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS", "EIO", "EMFILE", "ENFILE"]);

/** An archive as it is known again: another file under the same name is another archive. */
interface Stamp {
  bytes: number;
  modifiedMs: number;
  /** Once all of it stands in the work folder. */
  unpacked?: Unpacked;
}

const STAMP = z.object({
  ...{ bytes: z.number(), modifiedMs: z.number() },
  unpacked: z.object({ files: z.number(), bytes: z.number() }).optional(),
}) satisfies z.ZodType<Stamp>;

/**
 * Unpacks a ZIP, tar or tar.gz archive that lies in `folder` into `folder`. It goes into a hidden folder first and is
 * moved into place when it is whole: a file that stands in its place is complete. Stopped at any moment and called
 * again, it goes on where it was. Afterwards `.<archive>.unpacked` beside the archive says that it is done.
 *
 * Nothing is written outside `folder`, nothing that is there is overwritten, no link is made; an archive that asks for
 * any of it, or that is larger than the limits, is refused as a whole and leaves nothing.
 * @throws UserError for an archive that is refused or damaged, and for a disk that is full
 */
export async function unpackArchive(
  folder: string,
  archive: string,
  options: ExtractOptions = {},
): Promise<Unpacked> {
  const path = join(folder, archive);
  const work = join(folder, WORK_FOLDER, archive);
  try {
    const stamp = claimWork(work, path);
    stamp.unpacked ??= await extract(path, join(work, "files"), folder, options);
    writeJson(stampPath(work), stamp);
    refuseConflicts(join(work, "files"), folder);
    moveInto(join(work, "files"), folder);
    writeJson(join(folder, markerName(archive)), stamp);
    removeWork(folder, work);
    return stamp.unpacked;
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    if (!isDiskError(error)) removeWork(folder, work);
    throw unpackError(path, error);
  }
}

/** True when this very archive has been unpacked before. */
export function isUnpacked(folder: string, archive: string): boolean {
  const marker = join(folder, markerName(archive));
  return existsSync(marker) && isSame(readStamp(marker), stampOf(join(folder, archive)));
}

/** Makes the work folder; what another archive, or an earlier state of this one, left there goes. */
function claimWork(work: string, archivePath: string): Stamp {
  const stamp = stampOf(archivePath);
  if (existsSync(stampPath(work))) {
    const earlier = readStamp(stampPath(work));
    if (isSame(earlier, stamp)) return earlier;
  }
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, "files"), { recursive: true });
  writeJson(stampPath(work), stamp);
  return stamp;
}

/** Before anything is moved: where both have a name, both must have a folder. */
function refuseConflicts(from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    const there = lstatSync(target, { throwIfNoEntry: false });
    if (!there) continue;
    if (!entry.isDirectory() || !there.isDirectory()) throw new Refusal(`${target} is there already`);
    refuseConflicts(source, target);
  }
}

/** Moves what is in `from` into `to`, folder into folder; what an interruption left is moved by the next call. */
function moveInto(from: string, to: string): void {
  for (const { name } of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, name), join(to, name)];
    if (lstatSync(target, { throwIfNoEntry: false })) moveInto(source, target);
    else renameSync(source, target);
  }
}

function removeWork(folder: string, work: string): void {
  rmSync(work, { recursive: true, force: true });
  const parent = join(folder, WORK_FOLDER);
  if (existsSync(parent) && readdirSync(parent).length === 0) rmdirSync(parent);
}

function stampPath(work: string): string {
  return join(work, "archive.json");
}

function stampOf(path: string): Stamp {
  const { size, mtimeMs } = statSync(path);
  return { bytes: size, modifiedMs: mtimeMs };
}

function readStamp(path: string): Stamp {
  return readJson(path, STAMP, "Remove that file; the archive is then unpacked again.");
}

function isSame(a: Stamp, b: Stamp): boolean {
  return a.bytes === b.bytes && a.modifiedMs === b.modifiedMs;
}

/** True for what the operating system refused: the archive may be fine, and what was unpacked is kept. */
function isDiskError(error: unknown): boolean {
  const { code, cause } = error as NodeJS.ErrnoException;
  return DISK_ERRORS.has(code ?? (cause as NodeJS.ErrnoException | undefined)?.code ?? "");
}

function unpackError(path: string, error: unknown): UserError {
  const next =
    error instanceof Refusal
      ? "Nothing of it was kept. If you trust it, unpack it by hand and take the archive out of the folder."
      : isDiskError(error)
        ? "Make room, or see to the folder's permissions, and run again: it goes on where it was."
        : "Download it again; if it stays so, unpack it by hand and take the archive out of the folder.";
  return new UserError(`${path} was not unpacked: ${messageOf(error)}.`, next, { cause: error });
}
