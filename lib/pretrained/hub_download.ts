// Downloads one file of the Hugging Face hub into the cache that Python's libraries share: resumed after an
// interruption, checked by its hash. Names and sizes from the hub are not trusted.
import { createHash, type Hash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, rmSync, statfsSync, statSync, symlinkSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { downloadFile, HubApiError, type ListFileEntry } from "@huggingface/hub";
import { UserError } from "../common/errors";
import { findOrMake } from "../common/files/claim";
import { checkInterrupt, Interrupted } from "../common/interrupt";
import type { ProgressOptions } from "../common/progress";
import { type HubAccess, hubError } from "./hub_access";

/** A repository's folder `<cache>/models--owner--name`, in the layout of Hugging Face's libraries. */
export interface HubFolder {
  repo: string;
  /** SHA-1 of the commit. */
  commit: string;
  folder: string;
}

/** Maximum number of attempts in a row that bring no bytes. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const MEGABYTE = 1e6;

/**
 * Returns the file's path in the cache (`snapshots/<commit>/<name>`); downloads it if it is missing.
 * @throws UserError if its name or size is invalid, the disk is too small, the hub cannot be reached, or the bytes do
 * not match the hash
 */
export async function fetchHubFile(
  access: HubAccess,
  { repo, commit, folder }: HubFolder,
  entry: ListFileEntry,
  { onProgress }: ProgressOptions = {},
): Promise<string> {
  requireSafe(repo, entry);
  const blob = join(folder, "blobs", digestOf(entry));
  const path = join(folder, "snapshots", commit, entry.path);
  const find = () => (existsSync(blob) && statSync(blob).size === entry.size ? blob : undefined);
  // the lock is not next to the blob: other libraries list that folder
  await findOrMake(join(folder, digestOf(entry)), "The download", find, async () => {
    mkdirSync(dirname(blob), { recursive: true });
    requireSpace(dirname(blob), entry);
    await download(access, repo, commit, entry, blob, { onProgress });
    return blob;
  });
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path)) {
    rmSync(path, { force: true }); // a broken link
    symlinkSync(relative(dirname(path), blob), path);
  }
  return path;
}

/** Returns the SHA-256 of a large file, Git's SHA-1 of a small one. */
function digestOf({ lfs, oid }: ListFileEntry): string {
  return lfs?.oid ?? oid!;
}

/** Throws UserError for a name that leads out of the folder, or a hash or size that is invalid. */
function requireSafe(repo: string, entry: ListFileEntry): void {
  const { path, size, lfs, oid } = entry;
  const isPath = path.split("/").every((part) => /^[\w-][\w. +-]*$/.test(part));
  const isHash = lfs ? /^[0-9a-f]{64}$/.test(lfs.oid) : /^[0-9a-f]{40}$/.test(oid ?? "");
  const isSize = Number.isSafeInteger(size) && size > 0 && (!lfs || lfs.size === size);
  if (isPath && isHash && isSize) return;
  const fault = !isPath ? "name" : !isHash ? "hash" : "size";
  throw new UserError(
    `${repo}: the hub gives ${JSON.stringify(path)} a ${fault} that cannot be (${JSON.stringify({ size, lfs, oid })}). Nothing was written.`,
    "Check HF_ENDPOINT, or download the file by hand and give it with --from FILE.",
  );
}

function requireSpace(folder: string, { path, size }: ListFileEntry): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize > size) return;
  throw new UserError(
    `${path} takes ${megabytes(size)} MB, ${folder} has ${megabytes(bavail * bsize)} MB left.`,
    "Make room, or set HF_HOME to a folder on a larger disk.",
  );
}

const megabytes = (bytes: number) => Math.ceil(bytes / MEGABYTE);

/** Returns true for an error after which another attempt is useless. */
function isFinal(error: unknown): boolean {
  return error instanceof UserError || error instanceof Interrupted || isRefusal(error);
}

/** Downloads to `<blob>.incomplete`, from where an earlier run stopped, and renames it when the hash matches. */
async function download(
  access: HubAccess,
  repo: string,
  commit: string,
  entry: ListFileEntry,
  blob: string,
  { onProgress }: ProgressOptions,
): Promise<void> {
  const incomplete = `${blob}.incomplete`;
  const hash = newHash(entry);
  const report = (done: number) =>
    onProgress?.({
      stage: `download ${entry.path}`,
      unit: "MB",
      done: megabytes(done),
      total: megabytes(entry.size),
    });
  const file = await open(incomplete, "a");
  try {
    let done = await hashExisting(file, incomplete, entry.size, hash);
    for (let failures = 0; done < entry.size; ) {
      const before = done;
      try {
        for await (const bytes of bytesFrom(access, repo, commit, entry, done)) {
          if (done + bytes.length > entry.size) throw tooLong(entry);
          await file.appendFile(bytes);
          hash.update(bytes);
          done += bytes.length;
          report(done);
          await checkInterrupt();
        }
        if (done < entry.size) throw new Error("the connection was closed early");
      } catch (error) {
        failures = done > before ? 1 : failures + 1;
        if (isFinal(error) || failures >= ATTEMPTS) throw hubError(access, repo, error);
        await wait(FIRST_PAUSE_MS * 2 ** (failures - 1));
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
  requireDigest(entry, hash.digest("hex"), incomplete);
  await rename(incomplete, blob);
}

/** Hashes the part from an earlier run and returns its length; a part that is too long is dropped. */
async function hashExisting(file: FileHandle, path: string, size: number, hash: Hash): Promise<number> {
  const { size: done } = await file.stat();
  if (done > size) {
    await file.truncate(0);
    return 0;
  }
  if (done > 0) for await (const chunk of createReadStream(path, { end: done - 1 })) hash.update(chunk);
  return done;
}

async function* bytesFrom(
  access: HubAccess,
  repo: string,
  commit: string,
  { path }: ListFileEntry,
  start: number,
): AsyncGenerator<Uint8Array> {
  // xet: false for plain HTTP, whose ranges resume to the byte and pass through mirrors
  const blob = await downloadFile({ ...access, repo, path, revision: commit, xet: false });
  if (!blob) throw new UserError(`${repo} has no ${path} any more.`, "Run again.");
  yield* (start > 0 ? blob.slice(start) : blob).stream() as unknown as AsyncIterable<Uint8Array>;
}

/** Returns true for an answer that would be the same again. */
function isRefusal(error: unknown): boolean {
  return error instanceof HubApiError && error.statusCode >= 400 && error.statusCode < 500;
}

function tooLong({ path, size }: ListFileEntry): UserError {
  return new UserError(`${path} is longer than the ${size} bytes that the hub announced.`, "Run again.");
}

/** Returns the hash function of a file; Git hashes a header `blob <length>\0` before the content. */
function newHash({ lfs, size }: ListFileEntry): Hash {
  return lfs ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

function requireDigest(entry: ListFileEntry, found: string, incomplete: string): void {
  const expected = digestOf(entry);
  if (found === expected) return;
  rmSync(incomplete);
  throw new UserError(
    `${entry.path} arrived damaged: expected the hash ${expected}, found ${found}. It was deleted.`,
    "Run again. If it differs once more, something between you and the hub changes it: do not use it.",
  );
}
