// Unpacks the archives of a raw folder; an interrupted call resumes.
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
import { claimAfter, findOrMake } from "../../common/files/claim";
import { fileErrorCode, fileErrorText } from "../../common/files/errno";
import { environmentFault } from "../../common/files/file_faults";
import { readJson, writeJson } from "../../common/files/files";
import { fileContent, seeFile } from "../../common/files/fingerprint";
import { Interrupted } from "../../common/interrupt";
import { markerName, WORK_FOLDER } from "./entry_path";
import { type ExtractOptions, extract, type Unpacked } from "./extract";
import { Refusal } from "./refusal";
import { knownEncoding, type ZipEncoding } from "./zip_names";

/** Identity of an archive: another file under the same name is another archive. */
interface Stamp {
  bytes: number;
  modifiedMs: number;
  /** Stamp from the file system; while it is unchanged, the content need not be read. */
  stamp?: string;
  /** Hash of its content; undefined if an earlier version unpacked it. */
  content?: string;
  /** Set once the work folder holds everything. */
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
 * Unpacks a ZIP, tar or tar.gz archive of `folder` into `folder`. The files go into a hidden folder first and are moved
 * when all are complete: a file in its final place is complete. Interrupted at any moment and called again, it resumes.
 * At the end, `.<archive>.unpacked` next to the archive marks it as done.
 *
 * Nothing is written outside `folder`, nothing is overwritten, no link is made. An archive that would do any of this,
 * or that exceeds the limits, is refused as a whole and leaves nothing. A second process on the same archive (a raw
 * folder shared by two data directories) waits for the first.
 * @throws UserError for an archive that is refused or damaged, or if the disk is full
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
    removeWork(folder, work); // a kill came after the marker was written
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
    await moveAll(join(work, "files"), folder);
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

/**
 * Returns true if an archive of this size and time was unpacked before: a quick look, which `isUnpacked` may
 * contradict.
 */
export function looksUnpacked(folder: string, archive: string): boolean {
  const marker = join(folder, markerName(archive));
  if (!existsSync(marker)) return false;
  const { bytes, modifiedMs } = readStamp(marker);
  const { size, mtimeMs } = statSync(join(folder, archive));
  return bytes === size && modifiedMs === mtimeMs;
}

/** Returns true if this very archive was unpacked before: if size, times or inode differ, its content decides. */
export async function isUnpacked(folder: string, archive: string): Promise<boolean> {
  const marker = join(folder, markerName(archive));
  return existsSync(marker) && isSame(readStamp(marker), join(folder, archive));
}

/** Throws a UserError if an archive was unpacked with another name encoding than the requested one. */
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

/** Creates the work folder, and removes what another archive, or an earlier state of this one, left there. */
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

/** Moves the unpacked files into the raw folder while no other archive's files are moved there. */
async function moveAll(from: string, folder: string): Promise<void> {
  const { release } = await claimAfter(join(folder, WORK_FOLDER), "The last step of unpacking");
  try {
    refuseConflicts(from, folder);
    moveInto(from, folder);
  } finally {
    release();
  }
}

/**
 * Checks before the move that only folders have names that exist in both places.
 * @throws Refusal for a file in the way
 */
function refuseConflicts(from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    const there = lstatSync(target, { throwIfNoEntry: false });
    if (!there) continue;
    if (!entry.isDirectory() || !there.isDirectory()) throw new Refusal(`${target} is there already`);
    refuseConflicts(source, target);
  }
}

/** Moves the content of `from` into `to` and merges folders; after an interruption, the next call moves the rest. */
function moveInto(from: string, to: string): void {
  for (const { name } of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, name), join(to, name)];
    if (lstatSync(target, { throwIfNoEntry: false })) moveInto(source, target);
    else renameSync(source, target);
  }
}

function removeWork(folder: string, work: string): void {
  rmSync(work, { recursive: true, force: true });
  try {
    rmdirSync(join(folder, WORK_FOLDER));
  } catch {
    // another archive is unpacked there, or it is gone
  }
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

/** Returns true if an archive is the one of a stamp; a stamp without a content hash compares size and time. */
async function isSame({ bytes, modifiedMs, stamp, content }: Stamp, path: string): Promise<boolean> {
  const { size, mtimeMs } = statSync(path);
  if (content === undefined) return bytes === size && modifiedMs === mtimeMs;
  const seen = await seeFile(path);
  if (seen?.stamp && seen.stamp === stamp) return true;
  return bytes === size && content === (await fileContent(path));
}

/** Returns true for an error of the operating system: the archive may be fine, and the unpacked files are kept. */
function isDiskError(error: unknown): boolean {
  return environmentFault(error) !== undefined;
}

/** Error codes caused by impossible names in an archive: a file inside a file, a name that is too long. */
const NAME_ERRORS = new Set<string | undefined>(["ENOTDIR", "EISDIR", "EEXIST", "ENAMETOOLONG"]);

function unpackError(path: string, error: unknown, files: string): UserError {
  const code = fileErrorCode(error);
  const next =
    error instanceof Refusal || NAME_ERRORS.has(code)
      ? "Nothing of it was kept. If you trust it, unpack it by hand and take the archive out of the folder."
      : isDiskError(error)
        ? "Make room, or check the disk and the folder's permissions, and run again: it continues where it stopped."
        : "Download it again; if the error remains, unpack it by hand and take the archive out of the folder.";
  const reason = code ? fileErrorText(error, code).replace(`${files}/`, "") : messageOf(error);
  return new UserError(`${path} was not unpacked: ${reason}.`, next, { cause: error });
}
