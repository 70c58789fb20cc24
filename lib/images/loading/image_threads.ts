// The threads that prepare images, for the whole process.
import { join } from "node:path";
import { messageOf, UserError } from "../../common/errors";
import { Threads } from "../../common/threads";
import { jpegDecoder } from "../jpeg/decoder";
import type { ImageJob, ImageThreadData } from "./image_thread";

/** Threads without work for so long end; the next image starts new ones within .1 s. */
const IDLE_MS = 10_000;

const pools = new Map<string, Threads<ImageJob, string | undefined>>();

/**
 * Has an image read, decoded, brought under the resize rule if preprocessing has not done so already, squashed to
 * `decodedSizePx` x `decodedSizePx` (bilinear, as the original), and its parts written. JPEGs go through the engine,
 * all else through `decodeRgb`. Images are begun in the order of asking.
 * @param numWorkers most threads for this size
 * @returns the reason why the image cannot be used, if it cannot: `job.result` then holds anything
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
