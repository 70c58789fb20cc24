// A thread that makes images.
import { workerData } from "node:worker_threads";
import { writeFileAtomically } from "../common/files/files";
import { contentOf, NO_CONTENT } from "../common/files/fingerprint";
import type { MakingOf } from "../common/files/source_record";
import { serveTasks } from "../common/serve_tasks";
import { SharedLock } from "../common/shared_lock";
import { ImageFileReader } from "../images/decode";
import { JpegConverter, type JpegSettings, type SharedJpegEngine } from "../images/jpeg/convert";
import { ImageError } from "../images/pixels/image_error";

/** What became of a task. */
export interface MadeImage {
  /** The hash of the source's bytes. */
  content: string;
  /** Why the source cannot be used, if it cannot. */
  reason?: string;
}

/** What the thread is started with. */
export interface ImageWorkerData {
  settings: JpegSettings;
  engine: SharedJpegEngine;
  lock: SharedArrayBuffer;
}

const { settings, engine, lock } = workerData as ImageWorkerData;
const reader = new ImageFileReader();
const converter = new JpegConverter(settings, engine, new SharedLock(lock));

void serveTasks(async ({ source, target }: MakingOf): Promise<MadeImage> => {
  let content = NO_CONTENT;
  try {
    const file = await reader.read(source);
    content = contentOf(file);
    writeFileAtomically(target, await converter.make(file), { durable: false });
    return { content };
  } catch (error) {
    if (error instanceof ImageError) return { content, reason: error.message };
    throw error;
  }
});
