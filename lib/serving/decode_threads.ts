// The service's decoding threads: the event loop stays free for requests.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { notice } from "../common/notice";
import { TaskTimeout, ThreadEnded } from "../common/parallel/pool_thread";
import { Threads } from "../common/parallel/threads";
import { returnFreedMemory } from "../engine/native/native_memory";
import { holdDecoderMessages } from "../images/jpeg/codec";
import type { DecodeAnswer, DecodeJob, DecodeWorkerData } from "./decode_thread";
import { Refusal } from "./limits/refusal";
import { MemoryKeeper } from "./memory_keeper";

const MAX_THREADS = 4;
/** Images between returns of freed memory to the system: about 100 MB. */
const IMAGES_PER_RETURN = 1_000;
/** Time to finish an image whose client is gone: a new thread costs as much. */
const GONE_MS = 1_000;
/** Longest wait for a thread, in multiples of the time limit of one image. */
const WAITS = 3;
/** Most waiting thumbnails; a page shows a few dozen. */
const MAX_WAITING = 2_000;
/** Longest wait at the end for threads in native code, which cannot be stopped from outside. */
const CLOSE_MS = 2_000;

/** Start data and limits of the threads. */
export interface DecodeThreadsConfig {
  data: DecodeWorkerData;
  /** Time limit per image; beyond it the thread is ended. */
  maxDecodeMs: number;
  /** The threads' script; tests replace it. */
  script?: string;
  /** Most threads; default: the number of processors, up to 4. */
  most?: number;
}

/**
 * A pool of decoding threads. Each thread does one job at a time, uploads before thumbnails. A thread whose image takes
 * too long is replaced; jobs of clients that are gone are dropped.
 */
export class DecodeThreads {
  readonly #threads: Threads<DecodeJob, DecodeAnswer>;
  readonly #memory = new MemoryKeeper(() => this.#threads.replaceIdle());
  #done = 0;
  #hasWarned = false;
  #isClosed = false;

  constructor({ data, maxDecodeMs, script, most }: DecodeThreadsConfig) {
    this.#threads = new Threads({
      script: script ?? join(__dirname, "decode_thread.js"),
      data,
      most: most ?? Math.min(MAX_THREADS, availableParallelism()),
      startsEarly: true,
      tasksPerThread: 1,
      maxTaskMs: maxDecodeMs,
      maxAbortedMs: GONE_MS,
      maxWaitMs: WAITS * maxDecodeMs,
      onTaskEnd: () => this.#memory.check(),
    });
  }

  /** Counts of waiting images, images under way, threads given up, and threads that are still ending. */
  get load(): { waiting: number; underWay: number; givenUp: number; ending: number } {
    return this.#threads.load;
  }

  /**
   * Does a job; an upload's bytes are transferred to the thread.
   * @param gone drops the job; the signal's reason is thrown
   * @returns the pixels, uint8 [S, S, 3], or the JPEG's bytes
   * @throws Refusal: 400 for a part that is too small, 422 with the reason if the image cannot be used or takes too long,
   *   503 if its file cannot be read now or too many images wait
   */
  run(job: DecodeJob, gone?: AbortSignal): Promise<Uint8Array> {
    if (++this.#done % IMAGES_PER_RETURN === 0) returnFreedMemory();
    return holdDecoderMessages(() => this.#decode(job, gone));
  }

  /** Ends the threads; unfinished jobs fail. Native code is waited for 2 s at most. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#memory.close();
    await Promise.race([this.#threads.close(), sleep(CLOSE_MS)]);
  }

  async #decode(job: DecodeJob, gone?: AbortSignal): Promise<Uint8Array> {
    if (this.#isClosed) throw hasEnded();
    const isUpload = "upload" in job;
    if (!isUpload && this.load.waiting >= MAX_WAITING) throw tooMany();
    const transfer = isUpload ? [job.upload.buffer as ArrayBuffer] : [];
    const answer = await this.#threads
      .run(job, { transfer, isUrgent: isUpload, signal: gone })
      .catch((error) => {
        throw this.#failureOf(error);
      });
    if ("bytes" in answer) return answer.bytes;
    throw this.#errorOf(answer);
  }

  /** Turns a thread's failure into the service's error; a client that is gone is a Refusal already. */
  #failureOf(error: unknown): unknown {
    if (error instanceof Refusal) return error;
    if (this.#isClosed) return hasEnded();
    if (error instanceof ThreadEnded)
      return new Error(`The thread that decoded an image ended: ${error.reason}`);
    if (!(error instanceof TaskTimeout)) return error;
    if (error.stage === "waiting") return tooMany();
    return new Refusal(422, `the image was not decoded within ${error.ms / 1000} s`);
  }

  /** Makes the error for an image; local paths go to stderr, not to clients, and only the first, lest clients flood it. */
  #errorOf(answer: Exclude<DecodeAnswer, { bytes: Uint8Array }>): Error {
    if ("small" in answer) return new Refusal(400, answer.small);
    if ("reason" in answer) return new Refusal(422, answer.reason);
    if (!("unreachable" in answer)) return new Error(answer.failure);
    if (!this.#hasWarned) notice(`guie serve: ${answer.unreachable}`);
    this.#hasWarned = true;
    return new Refusal(503, "the file of this image cannot be read now");
  }
}

function tooMany(): Refusal {
  return new Refusal(503, "too many images are waiting: try again in a moment", { retryAfterSeconds: 1 });
}

function hasEnded(): Refusal {
  return new Refusal(503, "the service has ended");
}
