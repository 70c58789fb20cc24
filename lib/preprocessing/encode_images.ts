// Encodes the images of a data set in threads: the long part of Data_preprocessing.
import { statSync } from "node:fs";
import { requireFoldersOf } from "../common/files/file_faults";
import { type SeenFile, seeFile } from "../common/files/fingerprint";
import type { MakingOf, SourceEntry, SourceRecord } from "../common/files/source_record";
import { checkInterrupt } from "../common/interrupt";
import { mapConcurrently } from "../common/parallel/concurrent";
import type { OnProgress } from "../common/progress";
import type { JpegSettings } from "../images/jpeg/convert";
import { withEncoder } from "./encode_threads";

/** Options of encoding a data set's images. */
export interface EncodeImagesOptions extends JpegSettings {
  /** Number of threads. */
  concurrency: number;
  /** Earlier results by source; the new ones are added. */
  record: SourceRecord;
  /** Returns the entry of a task that another process has finished; it is not looked at again. */
  finished?: (task: MakingOf) => SourceEntry | undefined;
  /** Name of the stage in progress reports. */
  stage: string;
  onProgress?: OnProgress | undefined;
}

/** Number of tasks that are checked between two looks for an interrupt. */
const CHECKS_PER_TURN = 1000;
const MISSING = "missing file";

/** A task that is not done yet. */
interface PendingTask {
  index: number;
  seen: SeenFile;
}

/**
 * Encodes the images that are missing, and those with a changed source. Writes every JPEG under a temporary name and
 * renames it, so a JPEG with its final name is complete.
 * @param taskOf returns task 0..count - 1 when it is needed, so that long lists take no memory
 * @returns task -> reason why its source cannot be used
 * @throws UnreachableFile if a source cannot be read through no fault of its own; finished images are kept
 */
export async function encodeImages(
  count: number,
  taskOf: (index: number) => MakingOf,
  { concurrency, record, finished: known, stage, onProgress, ...settings }: EncodeImagesOptions,
): Promise<Map<number, string>> {
  try {
    const { pending, reasons } = await findPending(count, taskOf, record, known);
    const finished = count - pending.length - reasons.size;
    const note = finished > 0 ? { note: `${finished} were finished before` } : {};
    const report = (done: number) =>
      onProgress?.({ stage, done, total: pending.length, unit: "images", ...note });
    report(0);
    if (pending.length === 0) return reasons;

    let done = 0;
    await withEncoder(settings, concurrency, (encode, atOnce) =>
      mapConcurrently(pending, atOnce, async ({ index, seen }) => {
        const task = taskOf(index);
        const { content, reason = "" } = await encode(task);
        record.set(task.image, { stamp: seen.stamp, content, reason });
        if (reason !== "") reasons.set(index, reason);
        report(++done);
      }),
    );
    return reasons;
  } finally {
    record.flush();
  }
}

/** Finds the tasks that must be done, and the reasons why others cannot be. */
async function findPending(
  count: number,
  taskOf: (index: number) => MakingOf,
  record: SourceRecord,
  finished: EncodeImagesOptions["finished"],
): Promise<{ pending: PendingTask[]; reasons: Map<number, string> }> {
  const pending: PendingTask[] = [];
  const reasons = new Map<number, string>();
  const missing: MakingOf[] = [];
  for (let index = 0; index < count; index++) {
    if (index % CHECKS_PER_TURN === 0) await checkInterrupt();
    const task = taskOf(index);
    const known = finished?.(task);
    if (known?.reason) reasons.set(index, known.reason);
    if (known) continue;
    const seen = await seeFile(task.source);
    if (seen ? await record.isMade(task, seen) : isThere(task.target)) continue;
    if (seen) {
      record.forget(task.image);
      pending.push({ index, seen });
      continue;
    }
    const reason = record.get(task.image)?.reason;
    if (!reason) missing.push(task);
    reasons.set(index, reason || MISSING);
  }
  requireFoldersOf(missing.map(({ source }) => source));
  for (const { image } of missing) record.set(image, { stamp: "", content: "", reason: MISSING });
  return { pending, reasons };
}

/** Returns whether an image exists: it stays if its source was deleted to save space. */
function isThere(target: string): boolean {
  return (statSync(target, { throwIfNoEntry: false })?.size ?? 0) > 0;
}
