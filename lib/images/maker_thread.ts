// A thread that makes images: each task is answered by undefined, or by the reason why its source cannot be used.
import { workerData } from "node:worker_threads";
import { writeFileAtomically } from "../common/files";
import { SharedLock } from "../common/shared_lock";
import { serveTasks } from "../common/threads";
import { ImageError, ImageFileReader } from "./decode";
import { JpegMaker, type JpegSettings, type SharedJpegEngine } from "./jpeg/maker";

/** One image to make; absolute paths. */
export interface ImageTask {
  source: string;
  target: string;
}

/** What the thread is started with. */
export interface ImageWorkerData {
  settings: JpegSettings;
  engine: SharedJpegEngine;
  lock: SharedArrayBuffer;
}

const { settings, engine, lock } = workerData as ImageWorkerData;
const reader = new ImageFileReader();
const maker = new JpegMaker(settings, engine, new SharedLock(lock));

serveTasks(async ({ source, target }: ImageTask): Promise<string | undefined> => {
  try {
    writeFileAtomically(target, await maker.make(reader.read(source)), { durable: false });
  } catch (error) {
    if (error instanceof ImageError) return error.message;
    throw error;
  }
  return undefined;
});
