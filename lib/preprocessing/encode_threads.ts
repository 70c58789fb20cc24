// The threads that make images, and the engine that they share: kept for the next data set, ended when idle.
import { join } from "node:path";
import type { MakingOf } from "../common/files/source_record";
import { SharedLock } from "../common/shared_lock";
import { Threads } from "../common/threads";
import { returnFreedMemory } from "../engine/native/native_memory";
import { holdDecoderMessages, JpegEngine } from "../images/jpeg/codec";
import type { JpegSettings } from "../images/jpeg/convert";
import type { ImageWorkerData, MadeImage } from "./encode_thread";

/** Starting three threads takes a tenth of a second, and their code is compiled anew in each. */
const IDLE_MS = 30_000;
/** 100 MB of freed memory, or so. */
const IMAGES_PER_RETURN = 1_000;

interface Workshop {
  key: string;
  engine: JpegEngine;
  threads: Threads<MakingOf, MadeImage>;
}

let kept: { workshop: Workshop; timer: NodeJS.Timeout } | undefined;

type Make = (task: MakingOf) => Promise<MadeImage>;

/**
 * Lends what makes images in `most` threads.
 * @param use gets it, and how many images keep all threads busy
 */
export async function withMaker<T>(
  settings: JpegSettings,
  most: number,
  use: (make: Make, atOnce: number) => Promise<T>,
): Promise<T> {
  const key = JSON.stringify([settings, most]);
  const workshop = takeKept(key) ?? open(key, settings, most);
  const { threads } = workshop;
  let made = 0;
  const make: Make = async (task) => {
    if (++made % IMAGES_PER_RETURN === 0) returnFreedMemory();
    return threads.run(task);
  };
  try {
    return await holdDecoderMessages(() => use(make, threads.capacity));
  } finally {
    returnFreedMemory();
    await keep(workshop);
  }
}

function open(key: string, settings: JpegSettings, most: number): Workshop {
  const engine = new JpegEngine(settings.jpegQuality);
  const data: ImageWorkerData = { settings, engine: engine.shared, lock: new SharedLock().memory };
  const script = join(__dirname, "encode_thread.js");
  return { key, engine, threads: new Threads({ script, data, most }) };
}

/** Whoever takes it has it alone. */
function takeKept(key: string): Workshop | undefined {
  if (kept?.workshop.key !== key) return undefined;
  const { workshop, timer } = kept;
  clearTimeout(timer);
  kept = undefined;
  return workshop;
}

/** The last one is kept. */
async function keep(workshop: Workshop): Promise<void> {
  const before = kept;
  const timer = setTimeout(() => {
    takeKept(workshop.key);
    void close(workshop);
  }, IDLE_MS).unref();
  kept = { workshop, timer };
  if (!before) return;
  clearTimeout(before.timer);
  await close(before.workshop);
}

async function close({ engine, threads }: Workshop): Promise<void> {
  await threads.close();
  engine.close();
}
