// The threads that decode for the service: the event loop stays free for requests.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { notice } from "../common/notice";
import { TaskTimeout, ThreadEnded } from "../common/pool_thread";
import { Threads } from "../common/threads";
import { returnFreedMemory } from "../engine/native/native_memory";
import { holdDecoderMessages } from "../images/jpeg/codec";
import type { DecodeAnswer, DecodeJob, DecodeWorkerData } from "./decode_thread";
import { MemoryKeeper } from "./memory_keeper";
import { Refusal } from "./refusal";

const MOST_THREADS = 4;
/** 100 MB of freed memory, or so. */
const IMAGES_PER_RETURN = 1_000;
/** An image whose client is gone is finished if it takes no longer: a new thread costs as much. */
const GONE_MS = 1_000;
/** An image waits this many times the limit of one for a thread. */
const WAITS = 3;
/** Thumbnails that wait; a page shows some dozens. */
const MOST_WAITING = 2_000;
/** Native code cannot be ended from outside: threads in it are waited for this long at the end. */
const CLOSE_MS = 2_000;

/** How threads are started and bounded. */
export interface DecodeThreadsConfig {
  data: DecodeWorkerData;
  /** An image takes no longer, or its thread is ended. */
  maxDecodeMs: number;
  /** The threads' script; tests have others. */
  script?: string;
  /** Threads at once; the processors' number, 4 at most, if omitted. */
  most?: number;
}

/**
 * Threads that take jobs in their order, uploads before thumbnails, each one at a time. A thread whose image takes too
 * long is replaced; the work of clients that are gone is dropped.
 */
export class DecodeThreads {
  readonly #threads: Threads<DecodeJob, DecodeAnswer>;
  readonly #memory = new MemoryKeeper(() => this.#threads.replaceIdle());
  #done = 0;
  #hasTold = false;
  #isClosed = false;

  constructor({ data, maxDecodeMs, script, most }: DecodeThreadsConfig) {
    this.#threads = new Threads({
      script: script ?? join(__dirname, "decode_thread.js"),
      data,
      most: most ?? Math.min(MOST_THREADS, availableParallelism()),
      startsEarly: true,
      tasksPerThread: 1,
      maxTaskMs: maxDecodeMs,
      maxAbortedMs: GONE_MS,
      maxWaitMs: WAITS * maxDecodeMs,
      onTaskEnd: () => this.#memory.look(),
    });
  }

  /** Images that wait for a thread, images under way, threads that were given up, and threads that have not ended yet. */
  get load(): { waiting: number; underWay: number; givenUp: number; ending: number } {
    return this.#threads.load;
  }

  /**
   * Does a job; an upload's bytes are given away.
   * @param gone its reason is thrown, and the job dropped
   * @returns the pixels, uint8 [S, S, 3], or the JPEG's bytes
   * @throws Refusal: 422 with the reason for an image that cannot be used or takes too long, 503 for a file that cannot
   *   be read now and where too many wait
   */
  run(job: DecodeJob, gone?: AbortSignal): Promise<Uint8Array> {
    if (++this.#done % IMAGES_PER_RETURN === 0) returnFreedMemory();
    return holdDecoderMessages(() => this.#decode(job, gone));
  }

  /** Ends the threads; what they have not finished fails. Native code that does not end is not waited for. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#memory.close();
    await Promise.race([this.#threads.close(), sleep(CLOSE_MS)]);
  }

  async #decode(job: DecodeJob, gone?: AbortSignal): Promise<Uint8Array> {
    if (this.#isClosed) throw hasEnded();
    const isUpload = "upload" in job;
    if (!isUpload && this.load.waiting >= MOST_WAITING) throw tooMany();
    const transfer = isUpload ? [job.upload.buffer as ArrayBuffer] : [];
    const answer = await this.#threads
      .run(job, { transfer, isUrgent: isUpload, signal: gone })
      .catch((error) => {
        throw this.#failureOf(error);
      });
    if ("bytes" in answer) return answer.bytes;
    throw this.#errorOf(answer);
  }

  /** Says in the service's words why a thread gave no answer; the reason of a client that is gone is a Refusal already. */
  #failureOf(error: unknown): unknown {
    if (error instanceof Refusal) return error;
    if (this.#isClosed) return hasEnded();
    if (error instanceof ThreadEnded)
      return new Error(`The thread that decoded an image ended: ${error.reason}`);
    if (!(error instanceof TaskTimeout)) return error;
    if (error.stage === "waiting") return tooMany();
    return new Refusal(422, `the image is not decoded within ${error.ms / 1000} s`);
  }

  /** Paths of this machine are told to who runs the service alone: the first, lest a client fill its output. */
  #errorOf(answer: Exclude<DecodeAnswer, { bytes: Uint8Array }>): Error {
    if ("reason" in answer) return new Refusal(422, answer.reason);
    if (!("unreachable" in answer)) return new Error(answer.failure);
    if (!this.#hasTold) notice(`guie serve: ${answer.unreachable}`);
    this.#hasTold = true;
    return new Refusal(503, "the file of this image cannot be read now");
  }
}

function tooMany(): Refusal {
  return new Refusal(503, "too many images wait: try again in a moment", { retryAfterSeconds: 1 });
}

function hasEnded(): Refusal {
  return new Refusal(503, "the service has ended");
}
