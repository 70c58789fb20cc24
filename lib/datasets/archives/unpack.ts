// Unpacks the archives of a raw folder, resumably.
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
import { findOrMake } from "../../common/files/claim";
import { fileErrorCode, fileErrorText } from "../../common/files/errno";
import { environmentFault } from "../../common/files/file_faults";
import { readJson, writeJson } from "../../common/files/files";
import { fileContent, seeFile } from "../../common/files/fingerprint";
import { Interrupted } from "../../common/interrupt";
import { markerName, WORK_FOLDER } from "./entry_path";
import { type ExtractOptions, extract, type Unpacked } from "./extract";
import { Refusal } from "./refusal";
import { knownEncoding, type ZipEncoding } from "./zip_names";

/** An archive as it is known again: another file under the same name is another archive. */
interface Stamp {
  bytes: number;
  modifiedMs: number;
  /** How the file system showed it: while that stays, its content need not be read. */
  stamp?: string;
  /** The hash of its content; undefined where a former version unpacked it. */
  content?: string;
  /** Once all of it stands in the work folder. */
  unpacked?: Unpacked;
}

const STAMP = z.object({
  bytes: z.number(),
  modifiedMs: z.number(),
  stamp: z.string().optional(),
  content: z.string().optional(),
  unpacked: z
    .object({
      files: z.number(),
      bytes: z.number(),
      names: z.object({ encoding: z.string(), guessed: z.boolean(), example: z.string() }).optional(),
    })
    .optional(),
}) satisfies z.ZodType<Stamp>;

/**
 * Unpacks a ZIP, tar or tar.gz archive that lies in `folder` into `folder`. It goes into a hidden folder first and is
 * moved into place when it is whole: a file that stands in its place is complete. Stopped at any moment and called
 * again, it goes on where it was. Afterwards `.<archive>.unpacked` beside the archive says that it is done.
 *
 * Nothing is written outside `folder`, nothing that is there is overwritten, no link is made; an archive that asks for
 * any of it, or that is larger than the limits, is refused as a whole and leaves nothing. A second process on the same
 * archive (of a raw folder that two data directories share) waits for the first.
 * @throws UserError for an archive that is refused or damaged, and for a disk that is full
 */
export async function unpackArchive(
  folder: string,
  archive: string,
  options: ExtractOptions = {},
): Promise<Unpacked> {
  const work = join(folder, WORK_FOLDER, archive);
  const find = async () =>
    !existsSync(work) && (await isUnpacked(folder, archive)) ? unpackedBefore(folder, archive) : undefined;
  return findOrMake(join(folder, archive), "Unpacking", find, async () => {
    if (!(await isUnpacked(folder, archive))) return unpackOwned(folder, archive, options);
    removeWork(folder, work); // killed between the marker and this
    return unpackedBefore(folder, archive);
  });
}

function unpackedBefore(folder: string, archive: string): Unpacked {
  return readStamp(join(folder, markerName(archive))).unpacked ?? { files: 0, bytes: 0 };
}

async function unpackOwned(folder: string, archive: string, options: ExtractOptions): Promise<Unpacked> {
  const path = join(folder, archive);
  const work = join(folder, WORK_FOLDER, archive);
  try {
    const stamp = await claimWork(work, path);
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
    if (error instanceof UserError) throw error;
    throw unpackError(path, error, join(work, "files"));
  }
}

/** True when an archive of this size and time has been unpacked before: a glance, which `isUnpacked` need not confirm. */
export function looksUnpacked(folder: string, archive: string): boolean {
  const marker = join(folder, markerName(archive));
  if (!existsSync(marker)) return false;
  const { bytes, modifiedMs } = readStamp(marker);
  const { size, mtimeMs } = statSync(join(folder, archive));
  return bytes === size && modifiedMs === mtimeMs;
}

/** True when this very archive has been unpacked before: its content tells, where size, times or inode are others. */
export async function isUnpacked(folder: string, archive: string): Promise<boolean> {
  const marker = join(folder, markerName(archive));
  return existsSync(marker) && isSame(readStamp(marker), join(folder, archive));
}

/** @throws UserError where an archive was unpacked with names in another encoding than the one that is asked for */
export function refuseOtherEncoding(
  folder: string,
  archive: string,
  encoding: ZipEncoding | undefined,
): void {
  const { unpacked } = readStamp(join(folder, markerName(archive)));
  if (encoding === undefined || !unpacked?.names || unpacked.names.encoding === knownEncoding(encoding))
    return;
  throw new UserError(
    `${join(folder, archive)} was unpacked before, with its names read as ${unpacked.names.encoding}.`,
    `Delete what it was unpacked to and ${join(folder, markerName(archive))}, and run this again.`,
  );
}

/** Makes the work folder; what another archive, or an earlier state of this one, left there goes. */
async function claimWork(work: string, archivePath: string): Promise<Stamp> {
  if (existsSync(stampPath(work))) {
    const earlier = readStamp(stampPath(work));
    if (await isSame(earlier, archivePath)) return earlier;
  }
  const stamp = await stampOf(archivePath);
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

async function stampOf(path: string): Promise<Stamp> {
  const { size, mtimeMs } = statSync(path);
  const seen = await seeFile(path);
  return { bytes: size, modifiedMs: mtimeMs, stamp: seen?.stamp, content: await fileContent(path) };
}

function readStamp(path: string): Stamp {
  return readJson(path, STAMP, "Remove that file; the archive is then unpacked again.");
}

/** Whether an archive is the one of a stamp; where that does not tell the content, size and time decide. */
async function isSame({ bytes, modifiedMs, stamp, content }: Stamp, path: string): Promise<boolean> {
  const { size, mtimeMs } = statSync(path);
  if (content === undefined) return bytes === size && modifiedMs === mtimeMs;
  const seen = await seeFile(path);
  if (seen?.stamp && seen.stamp === stamp) return true;
  return bytes === size && content === (await fileContent(path));
}

/** True for what the operating system refused: the archive may be fine, and what was unpacked is kept. */
function isDiskError(error: unknown): boolean {
  return environmentFault(error) !== undefined;
}

/** What the names in an archive ask for, and no file system can give: a file in a file, a name that is too long. */
const NAME_ERRORS = new Set<string | undefined>(["ENOTDIR", "EISDIR", "EEXIST", "ENAMETOOLONG"]);

function unpackError(path: string, error: unknown, files: string): UserError {
  const code = fileErrorCode(error);
  const next =
    error instanceof Refusal || NAME_ERRORS.has(code)
      ? "Nothing of it was kept. If you trust it, unpack it by hand and take the archive out of the folder."
      : isDiskError(error)
        ? "Make room, or see to the disk and the folder's permissions, and run again: it goes on where it was."
        : "Download it again; if it stays so, unpack it by hand and take the archive out of the folder.";
  const reason = code ? fileErrorText(error, code).replace(`${files}/`, "") : messageOf(error);
  return new UserError(`${path} was not unpacked: ${reason}.`, next, { cause: error });
}
