// The threads that encode images, and the engine that they share: kept for the next data set, ended when idle.
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

interface EncoderPool {
  key: string;
  engine: JpegEngine;
  threads: Threads<MakingOf, MadeImage>;
}

let kept: { pool: EncoderPool; timer: NodeJS.Timeout } | undefined;

type Encode = (task: MakingOf) => Promise<MadeImage>;

/**
 * Calls `use` with a function that makes images in `most` threads.
 * @param use is given it, and how many images keep all threads busy
 */
export async function withEncoder<T>(
  settings: JpegSettings,
  most: number,
  use: (encode: Encode, atOnce: number) => Promise<T>,
): Promise<T> {
  const key = JSON.stringify([settings, most]);
  const pool = takeKept(key) ?? open(key, settings, most);
  const { threads } = pool;
  let made = 0;
  const encode: Encode = async (task) => {
    if (++made % IMAGES_PER_RETURN === 0) returnFreedMemory();
    return threads.run(task);
  };
  try {
    return await holdDecoderMessages(() => use(encode, threads.capacity));
  } finally {
    returnFreedMemory();
    await keep(pool);
  }
}

function open(key: string, settings: JpegSettings, most: number): EncoderPool {
  const engine = new JpegEngine(settings.jpegQuality);
  const data: ImageWorkerData = { settings, engine: engine.shared, lock: new SharedLock().memory };
  const script = join(__dirname, "encode_thread.js");
  return { key, engine, threads: new Threads({ script, data, most }) };
}

/** Whoever takes it has it alone. */
function takeKept(key: string): EncoderPool | undefined {
  if (kept?.pool.key !== key) return undefined;
  const { pool, timer } = kept;
  clearTimeout(timer);
  kept = undefined;
  return pool;
}

/** The last one is kept. */
async function keep(pool: EncoderPool): Promise<void> {
  const before = kept;
  const timer = setTimeout(() => {
    takeKept(pool.key);
    void close(pool);
  }, IDLE_MS).unref();
  kept = { pool, timer };
  if (!before) return;
  clearTimeout(before.timer);
  await close(before.pool);
}

async function close({ engine, threads }: EncoderPool): Promise<void> {
  await threads.close();
  engine.close();
}
