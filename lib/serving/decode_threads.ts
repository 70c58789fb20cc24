// The threads that decode for the service: the event loop stays free for requests.
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { messageOf } from "../common/errors";
import { notice } from "../common/notice";
import { jpegDecoder } from "../images/jpeg/decoder";
import { holdDecoderMessages } from "../images/jpeg/engine";
import { returnFreedMemory } from "../tensorflow/native_memory";
import { heldStream } from "../tensorflow/native_stderr";
import type { DecodeAnswer, DecodeJob, DecodeWorkerData } from "./decode_thread";
import { Refusal } from "./refusal";

const MOST_THREADS = 4;
/** 100 MB of freed memory, or so. */
const IMAGES_PER_RETURN = 1_000;

interface Task {
  job: DecodeJob;
  resolve(bytes: Uint8Array): void;
  reject(error: unknown): void;
}

interface Thread {
  worker: Worker;
  /** Aborted when the thread ends. */
  ended: AbortSignal;
}

/**
 * Threads that take jobs in their order, uploads before thumbnails, each one at a time: so many images are decoded at
 * once, and no more.
 */
export class DecodeThreads {
  readonly #data: DecodeWorkerData;
  readonly #most = Math.min(MOST_THREADS, availableParallelism());
  readonly #tasks: Task[] = [];
  readonly #threads = new Set<Thread>();
  readonly #idle = new Set<Thread>();
  #done = 0;
  #hasTold = false;

  /**
   * @param imageSizePx S, the model's
   * @param maxPixels of an upload
   */
  constructor(imageSizePx: number, maxPixels: number) {
    const decoder = jpegDecoder();
    this.#data = { imageSizePx, decoder, stderr: heldStream(), maxPixels };
    for (let i = 0; i < this.#most; i++) this.#idle.add(this.#start()!);
  }

  /**
   * Does a job; an upload's bytes are given away.
   * @returns the pixels, uint8 [S, S, 3], or the JPEG's bytes
   * @throws Refusal: 422 with the reason for an image that cannot be used, 503 for a file that cannot be read now
   */
  run(job: DecodeJob): Promise<Uint8Array> {
    if (++this.#done % IMAGES_PER_RETURN === 0) returnFreedMemory();
    const done = () =>
      new Promise<Uint8Array>((resolve, reject) => {
        const place = "upload" in job ? this.#tasks.findIndex((task) => "path" in task.job) : -1;
        this.#tasks.splice(place < 0 ? this.#tasks.length : place, 0, { job, resolve, reject });
        this.#next();
      });
    return holdDecoderMessages(done);
  }

  /** Ends the threads; what they have not finished fails. */
  async close(): Promise<void> {
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  #next(): void {
    while (this.#tasks.length > 0) {
      const thread = this.#idle.values().next().value ?? this.#start();
      if (!thread) return;
      this.#idle.delete(thread);
      void this.#do(thread, this.#tasks.shift()!);
    }
  }

  /** One more, unless there are enough: also in the place of one that has ended. */
  #start(): Thread | undefined {
    if (this.#threads.size >= this.#most) return undefined;
    const worker = new Worker(join(__dirname, "decode_thread.js"), { workerData: this.#data, execArgv: [] });
    const end = new AbortController();
    const thread = { worker, ended: end.signal };
    worker.on("error", () => {}); // whose job it was hears of it
    worker.once("exit", () => {
      this.#threads.delete(thread);
      this.#idle.delete(thread);
      end.abort();
    });
    this.#threads.add(thread);
    return thread;
  }

  async #do(thread: Thread, { job, resolve, reject }: Task): Promise<void> {
    const { worker, ended } = thread;
    try {
      const answered = once(worker, "message", { signal: ended });
      worker.postMessage(job, "upload" in job ? [job.upload.buffer as ArrayBuffer] : []);
      const [answer] = (await answered) as [DecodeAnswer];
      if ("bytes" in answer) resolve(answer.bytes);
      else reject(this.#errorOf(answer));
    } catch (error) {
      reject(new Error(`The thread that decoded an image ended: ${messageOf(error)}`));
    }
    if (this.#threads.has(thread)) this.#idle.add(thread);
    this.#next();
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
