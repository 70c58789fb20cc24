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
import { keysOf } from "../common/typed_keys";
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
type Notes = z.infer<typeof NOTES>;

/** The ending of the files of notes of shares. */
export const NOTES_ENDING = ".json";

/** Notes of shares (common/files/shares.ts) of a folder, as paths. */
export interface SharedNotes {
  /** The file of this share, which is written in place of the folder's own. */
  own?: string;
  /** Files of other shares, oldest first: their stamps count as well. */
  known?: readonly string[];
  /** The same; besides, the images of their shards are not looked at. */
  taken?: readonly string[];
}

/** The stamps of finished shards, in `sources.json`. A shard without a matching entry is read again. */
export class SourceNotes {
  readonly #path: string;
  readonly #isShare: boolean;
  /** What the file holds. */
  #written: Notes;
  /** This, and what others have noted. */
  readonly #known: Notes;
  readonly #taken: Notes;

  /** @param folder of the features */
  constructor(folder: string, { own, known = [], taken = [] }: SharedNotes = {}) {
    const main = join(folder, "sources.json");
    this.#path = own ?? main;
    this.#isShare = own !== undefined;
    this.#written = readNotes(this.#path);
    this.#taken = joinNotes(taken);
    this.#known = joinNotes([main, ...known, ...taken, ...(own === undefined ? [] : [own])]);
  }

  /** Returns true if the files of a shard have the recorded stamps. */
  knows(shard: string, { contents }: ShardOrigin, { stamps }: ShardLook): boolean {
    const note = this.#known[shard];
    return stamps !== "" && note?.stamps === stamps && note.contents === digestOf(contents ?? []);
  }

  /** Returns true if a shard was made by a share whose work is taken as it is. */
  takes(shard: string, { contents }: ShardOrigin): boolean {
    return contents !== undefined && this.#taken[shard]?.contents === digestOf(contents);
  }

  /** Records the stamps of files whose content matches their shard; a share also records that it has looked at them. */
  note(shard: string, contents: readonly string[], { stamps }: ShardLook): void {
    if (stamps === "" && !this.#isShare) return;
    const note = { contents: digestOf(contents), stamps };
    this.#known[shard] = note;
    const before = this.#written[shard];
    if (before?.contents === note.contents && before.stamps === note.stamps) return;
    this.#write({ ...this.#written, [shard]: note });
  }

  /** Records what is known of these shards, and forgets all others. */
  keepOnly(shards: readonly string[]): void {
    const kept = shards.flatMap((shard) => {
      const note = this.#known[shard];
      return note && note.stamps !== "" ? [[shard, note] as const] : [];
    });
    this.#write(Object.fromEntries(kept));
  }

  #write(notes: Notes): void {
    const sorted = Object.fromEntries(
      keysOf(notes)
        .sort()
        .map((shard) => [shard, notes[shard]!]),
    );
    const isSame = JSON.stringify(sorted) === JSON.stringify(this.#written);
    if (isSame || whyNotWritten(this.#path)) return;
    this.#written = sorted;
    writeJson(this.#path, sorted);
  }
}

function readNotes(path: string): Notes {
  return existsSync(path) ? readJson(path, NOTES, "Delete it: it is written again.") : {};
}

function joinNotes(paths: readonly string[]): Notes {
  return Object.assign({}, ...paths.map(readNotes)) as Notes;
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
  if (notes.takes(shard, origin) && (await weightsContent(sources)) === origin.weights) return 0;
  const look = await lookAt(sources, files);
  if (!origin.contents) {
    const newer = look.images.filter((seen) => seen && seen.changedMs > origin.madeMs).length;
    if (newer > 0) return newer;
  } else if (!notes.knows(shard, origin, look)) {
    if ((await weightsContent(sources)) !== origin.weights) return files.length;
    const changed = await countOthers(origin.contents, files, sources, look);
    if (changed > 0) return changed;
  }
  if (origin.contents) notes.note(shard, origin.contents, look);
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
