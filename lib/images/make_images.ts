// The long part of Data_preprocessing: files in, JPEGs out, in threads.
import { statSync } from "node:fs";
import { mapConcurrently } from "../common/concurrent";
import { breathe } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import type { JpegSettings } from "./jpeg/maker";
import type { ImageTask } from "./maker_thread";
import { withMaker } from "./maker_threads";

/** How to make them. */
export interface MakeImagesOptions extends JpegSettings {
  /** Threads. */
  concurrency: number;
  /** For progress reports. */
  stage: string;
  onProgress?: OnProgress | undefined;
}

const CHECKS_PER_BREATH = 1000;

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

  let done = 0;
  await withMaker(settings, concurrency, (make, atOnce) =>
    mapConcurrently(pending, atOnce, async (index) => {
      const reason = await make(taskOf(index));
      if (reason !== undefined) reasons.set(index, reason);
      report(++done);
    }),
  );
  return reasons;
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
