// The sources of features. Each shard holds the hash of every image's content; `sources.json` next to the shards
// records the file system's stamps of these images, so that only images with other stamps are read again.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { readPatiently, requireFoldersOf } from "../common/files/file_faults";
import { readJson, whyNotWritten, writeJson } from "../common/files/files";
import {
  CONTENT_LETTERS,
  fileContent,
  NO_CONTENT,
  type SeenFile,
  seeFile,
} from "../common/files/fingerprint";
import { checkInterrupt } from "../common/interrupt";
import { decodeRgb, readImageFile } from "../images/decode";
import type { UnusableImage } from "../images/loading/pixel_loader";
import { ImageError } from "../images/pixels/image_error";

/** The files that features depend on. */
export interface FeatureSources {
  /** The folder that the images' paths are relative to. */
  folder: string;
  /** The weights' file. `madeBy` may identify it by a sample of its content; here the whole content counts. */
  weights?: string;
}

/** A finished shard's record of its source files. */
export interface ShardOrigin {
  /** The hash of each image, read or not, in order; undefined in shards of versions that did not record it. */
  contents: readonly string[] | undefined;
  /** The hash of the weights' file, if there is one. */
  weights: string | undefined;
  skipped: readonly UnusableImage[];
  /** Time at which the shard was written. */
  madeMs: number;
}

/** The file system's view of a shard's files. */
export interface ShardLook {
  images: readonly (SeenFile | undefined)[];
  /** The digest of all stamps, with the weights' stamp; "" if one is unreliable. */
  stamps: string;
}

const FILES_PER_TURN = 1000;

/** Reads the stamps of a shard's files, but not their content. @throws UnreachableFile */
export async function lookAt(sources: FeatureSources, files: readonly string[]): Promise<ShardLook> {
  const images: (SeenFile | undefined)[] = [];
  for (const [i, file] of files.entries()) {
    if (i % FILES_PER_TURN === 0) await checkInterrupt();
    images.push(await seeFile(resolve(sources.folder, file)));
  }
  const weights = sources.weights === undefined ? [] : [await seeFile(sources.weights)];
  const all = [...weights, ...images].map((seen) => (seen ? seen.stamp : "missing"));
  return { images, stamps: all.includes("") ? "" : digestOf(all) };
}

/**
 * Reads the stamps of the images of a shard before it is made.
 * @param pausesMs pauses before further attempts if images and their folder are missing, as in `readPatiently`
 * @returns their stamps, and the images that exist
 * @throws UnreachableFile if their folder remains missing
 */
export async function findPresent(
  sources: FeatureSources,
  files: readonly string[],
  pausesMs?: readonly number[],
): Promise<{ seen: ShardLook; present: string[] }> {
  const look = async () => {
    const seen = await lookAt(sources, files);
    const missing = files.filter((_, i) => !seen.images[i]);
    requireFoldersOf(missing.map((file) => resolve(sources.folder, file)));
    return { seen, present: files.filter((_, i) => seen.images[i]) };
  };
  return readPatiently(sources.folder, look, pausesMs);
}

const NOTES = z.record(z.string(), z.object({ contents: z.string(), stamps: z.string() }));

/** The stamps of finished shards, in `sources.json`. A shard without a matching entry is read again. */
export class SourceNotes {
  readonly #path: string;
  readonly #notes: Record<string, { contents: string; stamps: string }>;

  /** @param folder of the features */
  constructor(folder: string) {
    this.#path = join(folder, "sources.json");
    this.#notes = existsSync(this.#path)
      ? readJson(this.#path, NOTES, "Delete it: it is written again.")
      : {};
  }

  /** Returns true if the files of a shard have the recorded stamps. */
  knows(shard: string, { contents }: ShardOrigin, { stamps }: ShardLook): boolean {
    const note = this.#notes[shard];
    return stamps !== "" && note?.stamps === stamps && note.contents === digestOf(contents ?? []);
  }

  /** Records the stamps of files whose content matches their shard. */
  note(shard: string, contents: readonly string[], { stamps }: ShardLook): void {
    if (stamps === "" || whyNotWritten(this.#path)) return;
    this.#notes[shard] = { contents: digestOf(contents), stamps };
    writeJson(this.#path, this.#notes);
  }
}

/**
 * Counts the images that changed since a shard was made: replaced, repaired, or readable now. Deleted images count as
 * unchanged.
 * @param files of the shard, with those that it could not read
 */
export async function countChanged(
  shard: string,
  origin: ShardOrigin,
  files: readonly string[],
  sources: FeatureSources,
  notes: SourceNotes,
): Promise<number> {
  const look = await lookAt(sources, files);
  if (!origin.contents) {
    const newer = look.images.filter((seen) => seen && seen.changedMs > origin.madeMs).length;
    if (newer > 0) return newer;
  } else if (!notes.knows(shard, origin, look)) {
    if ((await weightsContent(sources)) !== origin.weights) return files.length;
    const changed = await countOthers(origin.contents, files, sources, look);
    if (changed > 0) return changed;
    notes.note(shard, origin.contents, look);
  }
  return countReadable(origin.skipped, files, sources, look);
}

async function countOthers(
  contents: readonly string[],
  files: readonly string[],
  { folder }: FeatureSources,
  { images }: ShardLook,
): Promise<number> {
  let changed = 0;
  for (const [i, file] of files.entries()) {
    if (images[i] && (await fileContent(resolve(folder, file))) !== contents[i]) changed++;
  }
  return changed;
}

/** Counts skipped images that can be read now: this version may read more formats than the one that made the shard. */
async function countReadable(
  skipped: readonly UnusableImage[],
  files: readonly string[],
  { folder }: FeatureSources,
  { images }: ShardLook,
): Promise<number> {
  const there = new Set(files.filter((_, i) => images[i]));
  let readable = 0;
  for (const { file } of skipped) {
    await checkInterrupt();
    if (there.has(file) && (await isReadable(resolve(folder, file)))) readable++;
  }
  return readable;
}

async function isReadable(path: string): Promise<boolean> {
  try {
    await decodeRgb(await readImageFile(path));
    return true;
  } catch (error) {
    if (error instanceof ImageError) return false;
    throw error;
  }
}

const weightsKnown = new Map<string, string>();

/** Returns the hash of the weights' file, read once as long as its stamp is the same; undefined if there is none. */
export async function weightsContent({ weights }: FeatureSources): Promise<string | undefined> {
  const seen = weights === undefined ? undefined : await seeFile(weights);
  if (weights === undefined || !seen) return undefined;
  const key = `${seen.stamp} ${weights}`;
  const content = (seen.stamp && weightsKnown.get(key)) || (await fileContent(weights));
  weightsKnown.set(key, content);
  return content;
}

/** Joins hashes for a shard's metadata. */
export function joinContents(contents: readonly string[]): string {
  return contents.join("");
}

/** Splits the hashes in a shard's metadata; undefined if it has none. */
export function splitContents(text: string | undefined): string[] | undefined {
  return text?.match(new RegExp(`.{${CONTENT_LETTERS}}`, "g")) ?? (text === "" ? [] : undefined);
}

/** Returns one hash per image of a shard, given the hashes of those that exist. */
export function spreadContents({ images }: ShardLook, contents: readonly string[]): string[] {
  let next = 0;
  return images.map((seen) => (seen ? contents[next++]! : NO_CONTENT));
}

/** Returns the SHA-256 of texts in order. */
export function digestOf(texts: Iterable<string>): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text}\0`);
  return hash.digest("hex");
}
