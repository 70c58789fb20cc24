// Thread pools that prepare images, shared by the whole process.
import { join } from "node:path";
import { messageOf, UserError } from "../../common/errors";
import { Threads } from "../../common/parallel/threads";
import { jpegDecoder } from "../jpeg/decoder";
import type { ImageJob, ImageThreadData } from "./image_thread";

/** Idle time after which a thread exits; the next image starts a new one within 0.1 s. */
const IDLE_MS = 10_000;

const pools = new Map<string, Threads<ImageJob, string | undefined>>();

/**
 * Prepares an image in a thread: reads and decodes it, applies the resize rule if preprocessing has not, makes it a
 * square of `decodedSizePx` x `decodedSizePx` (bilinear, as the original), and writes its parts. The engine decodes plain JPEGs,
 * `decodeRgb` all else. Images start in the order of the calls.
 * @param numWorkers largest number of threads for this size
 * @returns the reason why the image cannot be used, or undefined; with a reason, `job.result` is not defined
 * @throws UserError naming the image where its thread ends before the job is done
 */
export async function prepareImage(
  job: ImageJob,
  decodedSizePx: number,
  numWorkers: number,
): Promise<string | undefined> {
  try {
    return await threadsFor(decodedSizePx, numWorkers).run(job);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const next = "Look at this image, then start again: a run goes on from its last checkpoint.";
    throw new UserError(`${job.path}: ${messageOf(error)}`, next, { cause: error });
  }
}

function threadsFor(decodedSizePx: number, most: number): Threads<ImageJob, string | undefined> {
  const key = `${decodedSizePx} ${most}`;
  const known = pools.get(key);
  if (known) return known;
  const data: ImageThreadData = { decodedSizePx, decoder: jpegDecoder() };
  const script = join(__dirname, "image_thread.js");
  const pool = new Threads<ImageJob, string | undefined>({ script, data, most, idleMs: IDLE_MS });
  pools.set(key, pool);
  return pool;
}
