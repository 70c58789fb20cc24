// The long part of Data_preprocessing: files in, JPEGs out, many at once.
import { statSync } from "node:fs";
import { mapConcurrently } from "../common/concurrent";
import { writeFileAtomically } from "../common/files";
import { breathe } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import { ImageError, readImageFileSync } from "./decode";
import { JpegMaker, type JpegSettings } from "./jpeg_maker";

/** One image to make; absolute paths. */
export interface ImageTask {
  source: string;
  target: string;
}

/** How to make them. */
export interface MakeImagesOptions extends JpegSettings {
  /** Chunks of images under work at once. */
  concurrency: number;
  /** For progress reports. */
  stage: string;
  onProgress?: OnProgress | undefined;
}

const CHECKS_PER_BREATH = 1000;
/** Images that are read, made and written one after the other; the small ones of them are made together. */
const IMAGES_PER_CHUNK = 8;
const SMALL_BYTES = 256 * 1024;

/**
 * Makes the images that are not there yet. Every JPEG is written under a temporary name and renamed: one that stands
 * under its final name is whole.
 * @param taskOf the tasks, 0..count - 1; asked for when needed, so that long lists take no memory
 * @returns task -> why its source cannot be used
 */
export async function makeImages(
  count: number,
  taskOf: (index: number) => ImageTask,
  { concurrency, stage, onProgress, ...settings }: MakeImagesOptions,
): Promise<Map<number, string>> {
  const pending = await findPending(count, taskOf);
  const reasons = new Map<number, string>();
  const finished = count - pending.length;
  const note = finished > 0 ? { note: `${finished} were finished before` } : {};
  const report = (done: number) =>
    onProgress?.({ stage, done, total: pending.length, unit: "images", ...note });
  report(0);
  if (pending.length === 0) return reasons;

  const maker = new JpegMaker(settings, concurrency);
  let done = 0;
  const finish = async (index: number, made: Uint8Array | ImageError) => {
    await breathe();
    if (made instanceof ImageError) reasons.set(index, made.message);
    else writeFileAtomically(taskOf(index).target, made);
    report(++done);
  };
  const makeChunk = async (indices: readonly number[]) => {
    const small: { index: number; file: Uint8Array }[] = [];
    for (const index of indices) {
      const file = readSource(taskOf(index).source);
      if (file instanceof ImageError) await finish(index, file);
      else if (file.length <= SMALL_BYTES) small.push({ index, file });
      else await finish(index, (await maker.makeAll([file]))[0]!); // not held in memory together with others
    }
    const made = await maker.makeAll(small.map(({ file }) => file));
    for (const [i, { index }] of small.entries()) await finish(index, made[i]!);
  };
  try {
    await mapConcurrently(chunksOf(pending, IMAGES_PER_CHUNK), concurrency, makeChunk);
  } finally {
    maker.dispose();
  }
  return reasons;
}

function readSource(path: string): Uint8Array | ImageError {
  try {
    return readImageFileSync(path);
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
}

function chunksOf(items: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}

async function findPending(count: number, taskOf: (index: number) => ImageTask): Promise<number[]> {
  const pending: number[] = [];
  for (let index = 0; index < count; index++) {
    if (index % CHECKS_PER_BREATH === 0) await breathe();
    if (!isUpToDate(taskOf(index))) pending.push(index);
  }
  return pending;
}

/**
 * As `make` sees it; an image whose source was deleted to save space stays. An empty file is what a power cut can
 * leave of a file that was renamed but not yet on the disk.
 */
function isUpToDate({ source, target }: ImageTask): boolean {
  const made = statSync(target, { throwIfNoEntry: false });
  if (!made || made.size === 0) return false;
  const original = statSync(source, { throwIfNoEntry: false });
  return original === undefined || original.mtimeMs <= made.mtimeMs;
}
