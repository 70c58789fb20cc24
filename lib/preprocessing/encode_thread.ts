// Script of a thread that encodes images.
import { workerData } from "node:worker_threads";
import { writeFileAtomically } from "../common/files/files";
import { contentOf, NO_CONTENT } from "../common/files/fingerprint";
import type { MakingOf } from "../common/files/source_record";
import { serveTasks } from "../common/parallel/serve_tasks";
import { SharedLock } from "../common/parallel/shared_lock";
import { ImageFileReader } from "../images/decode";
import { JpegConverter, type JpegSettings, type SharedJpegEngine } from "../images/jpeg/convert";
import { ImageError } from "../images/pixels/image_error";

/** Result of a task. */
export interface EncodedImage {
  /** Hash of the source's bytes. */
  content: string;
  /** Reason why the source cannot be used, or undefined. */
  reason?: string;
}

/** Data that the thread starts with. */
export interface EncodeThreadData {
  settings: JpegSettings;
  engine: SharedJpegEngine;
  lock: SharedArrayBuffer;
}

const { settings, engine, lock } = workerData as EncodeThreadData;
const reader = new ImageFileReader();
const converter = new JpegConverter(settings, engine, new SharedLock(lock));

void serveTasks(async ({ source, target }: MakingOf): Promise<EncodedImage> => {
  let content = NO_CONTENT;
  try {
    const file = await reader.read(source);
    content = contentOf(file);
    writeFileAtomically(target, await converter.convert(file), { durable: false });
    return { content };
  } catch (error) {
    if (error instanceof ImageError) return { content, reason: error.message };
    throw error;
  }
});
