// The threads that decode for the service: the event loop stays free for requests.
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { messageOf } from "../common/errors";
import { notice } from "../common/notice";
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

interface Task {
  job: DecodeJob;
  resolve(bytes: Uint8Array): void;
  reject(error: unknown): void;
  /** Ends its time in the queue. */
  waiting: NodeJS.Timeout;
  /** Shortens its time with a thread, once it is with one. */
  hurry?: () => void;
}

interface Thread {
  worker: Worker;
  /** Aborted, with the reason for its task, when the thread ends or is given up. */
  end: AbortController;
}

/**
 * Threads that take jobs in their order, uploads before thumbnails, each one at a time. A thread whose image takes too
 * long is ended and replaced at once, though it may take a while to end; the work of clients that are gone is dropped.
 */
export class DecodeThreads {
  readonly #config: DecodeThreadsConfig;
  readonly #most: number;
  readonly #tasks: Task[] = [];
  readonly #threads = new Set<Thread>();
  readonly #idle = new Set<Thread>();
  /** Given up, and not ended yet. */
  readonly #ending = new Set<Thread>();
  readonly #memory = new MemoryKeeper(() => this.#replaceIdle());
  #done = 0;
  #givenUp = 0;
  #hasTold = false;
  #isClosed = false;

  constructor(config: DecodeThreadsConfig) {
    this.#config = config;
    this.#most = config.most ?? Math.min(MOST_THREADS, availableParallelism());
    this.#fill();
  }

  /** Images that wait for a thread, images under way, threads that were given up and those of them not yet ended. */
  get load(): { waiting: number; underWay: number; givenUp: number; ending: number } {
    return {
      waiting: this.#tasks.length,
      underWay: this.#threads.size - this.#idle.size,
      givenUp: this.#givenUp,
      ending: this.#ending.size,
    };
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
    return holdDecoderMessages(() => this.#queue(job, gone));
  }

  /** Ends the threads; what they have not finished fails. Native code that does not end is not waited for. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#memory.close();
    const ended = new Refusal(503, "the service has ended");
    for (const task of [...this.#tasks]) this.#drop(task, ended);
    const exits = [...this.#threads, ...this.#ending].map(({ worker, end }) => {
      end.abort(ended);
      return worker.terminate();
    });
    await Promise.race([Promise.all(exits), sleep(CLOSE_MS)]);
  }

  #queue(job: DecodeJob, gone?: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      gone?.throwIfAborted();
      const isThumbnail = "path" in job;
      if (isThumbnail && this.#tasks.length >= MOST_WAITING) throw tooMany();
      const waiting = setTimeout(() => this.#drop(task, tooMany()), WAITS * this.#config.maxDecodeMs);
      const task: Task = { job, resolve, reject, waiting };
      gone?.addEventListener("abort", () => this.#drop(task, gone.reason), { once: true });
      const place = isThumbnail ? -1 : this.#tasks.findIndex((other) => "path" in other.job);
      this.#tasks.splice(place < 0 ? this.#tasks.length : place, 0, task);
      this.#next();
    });
  }

  /** Nobody waits for a task any more. */
  #drop(task: Task, reason: unknown): void {
    clearTimeout(task.waiting);
    const place = this.#tasks.indexOf(task);
    if (place >= 0) this.#tasks.splice(place, 1);
    task.hurry?.();
    task.reject(reason);
  }

  #next(): void {
    while (this.#tasks.length > 0) {
      const thread = this.#idle.values().next().value ?? this.#start();
      if (!thread) return;
      this.#idle.delete(thread);
      const task = this.#tasks.shift()!;
      clearTimeout(task.waiting);
      void this.#do(thread, task);
    }
  }

  /** One more, unless there are enough: also in the place of one that has ended or was given up. */
  #start(): Thread | undefined {
    const { data, script = join(__dirname, "decode_thread.js") } = this.#config;
    const all = this.#threads.size + this.#ending.size;
    if (this.#isClosed || this.#threads.size >= this.#most || all >= 2 * this.#most) return undefined;
    const worker = new Worker(script, { workerData: data, execArgv: [] });
    const thread = { worker, end: new AbortController() };
    worker.on("error", () => {}); // whose job it was hears of it
    worker.once("exit", () => {
      for (const threads of [this.#threads, this.#idle, this.#ending]) threads.delete(thread);
      thread.end.abort(new Error("it ended"));
      this.#next();
    });
    this.#threads.add(thread);
    return thread;
  }

  #fill(): void {
    for (let thread = this.#start(); thread; thread = this.#start()) this.#idle.add(thread);
  }

  async #do(thread: Thread, task: Task): Promise<void> {
    const { worker, end } = thread;
    const { job } = task;
    const giveUpIn = (ms: number) => setTimeout(() => this.#giveUp(thread, ms), ms);
    let timer = giveUpIn(this.#config.maxDecodeMs);
    task.hurry = () => {
      clearTimeout(timer);
      timer = giveUpIn(Math.min(GONE_MS, this.#config.maxDecodeMs));
    };
    try {
      const answered = once(worker, "message", { signal: end.signal });
      worker.postMessage(job, "upload" in job ? [job.upload.buffer as ArrayBuffer] : []);
      const [answer] = (await answered) as [DecodeAnswer];
      if ("bytes" in answer) task.resolve(answer.bytes);
      else task.reject(this.#errorOf(answer));
    } catch (error) {
      const { reason } = end.signal;
      const why = messageOf(end.signal.aborted ? reason : error);
      task.reject(
        reason instanceof Refusal ? reason : new Error(`The thread that decoded an image ended: ${why}`),
      );
    }
    clearTimeout(timer);
    if (this.#threads.has(thread)) this.#idle.add(thread);
    this.#memory.look();
    this.#next();
  }

  #giveUp(thread: Thread, ms: number): void {
    this.#givenUp++;
    thread.end.abort(new Refusal(422, `the image is not decoded within ${ms / 1000} s`));
    this.#end(thread);
    this.#fill();
  }

  #end(thread: Thread): void {
    this.#threads.delete(thread);
    this.#idle.delete(thread);
    this.#ending.add(thread);
    void thread.worker.terminate();
  }

  /** Threads keep memory of the largest images that they have seen: new ones have none. */
  #replaceIdle(): void {
    for (const thread of [...this.#idle]) this.#end(thread);
    this.#fill();
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
