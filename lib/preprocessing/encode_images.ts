// The long part of Data_preprocessing: files in, JPEGs out, in threads.
import { statSync } from "node:fs";
import { mapConcurrently } from "../common/concurrent";
import { requireFoldersOf } from "../common/files/file_faults";
import { type SeenFile, seeFile } from "../common/files/fingerprint";
import type { MakingOf, SourceRecord } from "../common/files/source_record";
import { checkInterrupt } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import type { JpegSettings } from "../images/jpeg/convert";
import { withEncoder } from "./encode_threads";

/** How to make them. */
export interface MakeImagesOptions extends JpegSettings {
  /** Threads. */
  concurrency: number;
  /** What was made of each source before; is added to. */
  record: SourceRecord;
  /** For progress reports. */
  stage: string;
  onProgress?: OnProgress | undefined;
}

const CHECKS_PER_TURN = 1000;
const MISSING = "missing file";

/** A task that is not done yet. */
interface PendingTask {
  index: number;
  seen: SeenFile;
}

/**
 * Makes the images that are not there yet, and those whose source is another by now. Every JPEG is written under a
 * temporary name and renamed: one that stands under its final name is whole.
 * @param taskOf the tasks, 0..count - 1; asked for when needed, so that long lists take no memory
 * @returns task -> why its source cannot be used
 * @throws UnreachableFile where the world keeps a source from being read: what is finished is kept
 */
export async function makeImages(
  count: number,
  taskOf: (index: number) => MakingOf,
  { concurrency, record, stage, onProgress, ...settings }: MakeImagesOptions,
): Promise<Map<number, string>> {
  try {
    const { pending, reasons } = await findPending(count, taskOf, record);
    const finished = count - pending.length - reasons.size;
    const note = finished > 0 ? { note: `${finished} were finished before` } : {};
    const report = (done: number) =>
      onProgress?.({ stage, done, total: pending.length, unit: "images", ...note });
    report(0);
    if (pending.length === 0) return reasons;

    let done = 0;
    await withEncoder(settings, concurrency, (make, atOnce) =>
      mapConcurrently(pending, atOnce, async ({ index, seen }) => {
        const task = taskOf(index);
        const { content, reason = "" } = await make(task);
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

/** The tasks that are to be done, and why others cannot be. */
async function findPending(
  count: number,
  taskOf: (index: number) => MakingOf,
  record: SourceRecord,
): Promise<{ pending: PendingTask[]; reasons: Map<number, string> }> {
  const pending: PendingTask[] = [];
  const reasons = new Map<number, string>();
  const missing: MakingOf[] = [];
  for (let index = 0; index < count; index++) {
    if (index % CHECKS_PER_TURN === 0) await checkInterrupt();
    const task = taskOf(index);
    const seen = await seeFile(task.source);
    if (seen ? await record.isMade(task, seen) : isThere(task.target)) continue;
    if (seen) {
      record.forget(task.image);
      pending.push({ index, seen });
    } else {
      const known = record.get(task.image)?.reason;
      if (!known) missing.push(task);
      reasons.set(index, known || MISSING);
    }
  }
  requireFoldersOf(missing.map(({ source }) => source));
  for (const { image } of missing) record.set(image, { stamp: "", content: "", reason: MISSING });
  return { pending, reasons };
}

/** The image of a source that was deleted to save space stays. */
function isThere(target: string): boolean {
  return (statSync(target, { throwIfNoEntry: false })?.size ?? 0) > 0;
}
