// Threads that encode images and the engine that they share: kept for the next data set, ended when idle.
import { join } from "node:path";
import type { MakingOf } from "../common/files/source_record";
import { SharedLock } from "../common/parallel/shared_lock";
import { Threads } from "../common/parallel/threads";
import { returnFreedMemory } from "../engine/native/native_memory";
import { holdDecoderMessages, JpegEngine } from "../images/jpeg/codec";
import type { JpegSettings } from "../images/jpeg/convert";
import type { EncodedImage, EncodeThreadData } from "./encode_thread";

/** Idle time after which the threads end. Starting three takes a tenth of a second, and each compiles its code. */
const IDLE_MS = 30_000;
/** Number of images, about 100 MB of freed memory, after which memory returns to the operating system. */
const IMAGES_PER_RETURN = 1_000;

interface EncoderPool {
  /** Settings of the pool, as text. */
  key: string;
  engine: JpegEngine;
  threads: Threads<MakingOf, EncodedImage>;
}

let kept: { pool: EncoderPool; timer: NodeJS.Timeout } | undefined;

type Encode = (task: MakingOf) => Promise<EncodedImage>;

/**
 * Calls `use` with a function that encodes an image in one of `most` threads.
 * @param use also gets the number of images that keep all threads busy
 */
export async function withEncoder<T>(
  settings: JpegSettings,
  most: number,
  use: (encode: Encode, atOnce: number) => Promise<T>,
): Promise<T> {
  const key = JSON.stringify([settings, most]);
  const pool = takeKeptPool(key) ?? openPool(key, settings, most);
  const { threads } = pool;
  let encoded = 0;
  const encode: Encode = async (task) => {
    if (++encoded % IMAGES_PER_RETURN === 0) returnFreedMemory();
    return threads.run(task);
  };
  try {
    return await holdDecoderMessages(() => use(encode, threads.capacity));
  } finally {
    returnFreedMemory();
    await keepPool(pool);
  }
}

function openPool(key: string, settings: JpegSettings, most: number): EncoderPool {
  const engine = new JpegEngine(settings.jpegQuality);
  const data: EncodeThreadData = { settings, engine: engine.shared, lock: new SharedLock().memory };
  const script = join(__dirname, "encode_thread.js");
  return { key, engine, threads: new Threads({ script, data, most }) };
}

/** Takes the kept pool, if it has these settings; no other call can take it then. */
function takeKeptPool(key: string): EncoderPool | undefined {
  if (kept?.pool.key !== key) return undefined;
  const { pool, timer } = kept;
  clearTimeout(timer);
  kept = undefined;
  return pool;
}

/** Keeps this pool for the next call, and closes the one kept before. */
async function keepPool(pool: EncoderPool): Promise<void> {
  const before = kept;
  const timer = setTimeout(() => {
    takeKeptPool(pool.key);
    void closePool(pool);
  }, IDLE_MS).unref();
  kept = { pool, timer };
  if (!before) return;
  clearTimeout(before.timer);
  await closePool(before.pool);
}

async function closePool({ engine, threads }: EncoderPool): Promise<void> {
  await threads.close();
  engine.close();
}
