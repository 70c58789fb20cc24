// What features were made from. Each shard holds the hash of every image's content; `sources.json` beside the shards
// says how the file system showed these images then, so that they are read again only where that has changed.
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
  /** The weights' file. `madeBy` may tell it by a sample of its content; here all of it counts. */
  weights?: string;
}

/** What a finished shard says of the files that it was made from. */
export interface ShardOrigin {
  /** Of each image, read or not, in their order; undefined in shards of versions before this was noted. */
  contents: readonly string[] | undefined;
  /** Of the weights, where there is a file of them. */
  weights: string | undefined;
  skipped: readonly UnusableImage[];
  /** When the shard was written. */
  madeMs: number;
}

/** How the file system shows the files of a shard. */
export interface ShardLook {
  images: readonly (SeenFile | undefined)[];
  /** The digest of all stamps, the weights' too; "" where one is not sure. */
  stamps: string;
}

const FILES_PER_TURN = 1000;

/** Looks at the files of a shard, without reading them. @throws UnreachableFile */
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
 * Looks at the images of a shard that is to be made.
 * @param pausesMs before further tries where they are missing together with their folder; as `readPatiently`
 * @returns which of them are there, and how
 * @throws UnreachableFile where their folder stays away
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

/** The stamps of finished shards, in `sources.json`. What it lacks, or tells of another shard, costs a reading. */
export class SourceNotes {
  readonly #path: string;
  readonly #notes: Record<string, { contents: string; stamps: string }>;

  /** @param folder of the features */
  constructor(folder: string) {
    this.#path = join(folder, "sources.json");
    this.#notes = existsSync(this.#path) ? readJson(this.#path, NOTES, "Delete it: it is made anew.") : {};
  }

  /** Whether the files of a shard look as they did. */
  knows(shard: string, { contents }: ShardOrigin, { stamps }: ShardLook): boolean {
    const note = this.#notes[shard];
    return stamps !== "" && note?.stamps === stamps && note.contents === digestOf(contents ?? []);
  }

  /** Notes how the files of a shard look whose content is that of the shard. */
  note(shard: string, contents: readonly string[], { stamps }: ShardLook): void {
    if (stamps === "" || whyNotWritten(this.#path)) return;
    this.#notes[shard] = { contents: digestOf(contents), stamps };
    writeJson(this.#path, this.#notes);
  }
}

/**
 * Counts the images that are no longer what a shard was made from: replaced, repaired, or readable by now. Images that
 * are gone count as they were.
 * @param files of the shard, those that it could not read too
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

/** Images that could not be read are tried again: this version may read more than the one that made the shard. */
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

/** The content of the weights' file, read once as long as it looks the same; undefined where there is none. */
export async function weightsContent({ weights }: FeatureSources): Promise<string | undefined> {
  const seen = weights === undefined ? undefined : await seeFile(weights);
  if (weights === undefined || !seen) return undefined;
  const key = `${seen.stamp} ${weights}`;
  const content = (seen.stamp && weightsKnown.get(key)) || (await fileContent(weights));
  weightsKnown.set(key, content);
  return content;
}

/** For a shard's metadata. */
export function joinContents(contents: readonly string[]): string {
  return contents.join("");
}

/** Back from a shard's metadata. */
export function splitContents(text: string | undefined): string[] | undefined {
  return text?.match(new RegExp(`.{${CONTENT_LETTERS}}`, "g")) ?? (text === "" ? [] : undefined);
}

/** The hash of every image of a shard in its order, where only those that are there were read. */
export function spreadContents({ images }: ShardLook, contents: readonly string[]): string[] {
  let next = 0;
  return images.map((seen) => (seen ? contents[next++]! : NO_CONTENT));
}

/** The SHA-256 of texts, one behind the other. */
export function digestOf(texts: Iterable<string>): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text}\0`);
  return hash.digest("hex");
}
