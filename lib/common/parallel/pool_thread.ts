// One thread of a pool: its mailbox, and the time that a task may take.
import { Worker } from "node:worker_threads";
import { messageOf } from "../errors";
import { type Answer, revive } from "./serve_tasks";

/** Settings of a thread: its script and time limits. */
export interface ThreadConfig {
  /** Absolute path of the script, which calls `serveTasks`. */
  script: string;
  /** Its `workerData`. */
  data: unknown;
  /** Idle time after which a thread exits; if omitted, threads live until `close`. */
  idleMs?: number;
  /** Longest time that a task takes before it fails with TaskTimeout and its thread is ended and replaced. */
  maxTaskMs?: number;
  /** Longest time that a task takes after its signal was aborted; `maxTaskMs` if omitted. */
  maxAbortedMs?: number;
}

/** A task that is not finished, with the functions that settle its promise. */
export interface Pending<Task, Result> {
  task: Task;
  transfer: ArrayBuffer[];
  /** True if it runs before all that are not urgent. */
  isUrgent: boolean;
  /** True if its caller no longer waits for it. */
  isDropped: boolean;
  /** Ends its time in the queue. */
  waiting: NodeJS.Timeout | undefined;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** Events of a thread, for its pool. */
interface ThreadEvents {
  /** A task has ended, successfully or not. */
  onTaskEnd(): void;
  /** A task took too long; `onEnd` came before. */
  onGiveUp(): void;
  /** The thread takes no more tasks. May be called more than once. */
  onEnd(): void;
  /** The thread has exited. */
  onExit(): void;
}

/** A task was given up: it waited too long for a thread, or took too long with one. */
export class TaskTimeout extends Error {
  constructor(
    readonly stage: "waiting" | "running",
    readonly ms: number,
  ) {
    super(`A worker thread's task was given up after ${ms / 1000} s (${stage}).`);
  }
}

/** A thread ended before its task was done. */
export class ThreadEnded extends Error {
  constructor(readonly reason: string) {
    super(`A worker thread ended: ${reason}.`);
  }
}

/** One thread: it does its tasks one after the other. */
export class PoolThread<Task, Result> {
  readonly #config: ThreadConfig;
  readonly #worker: Worker;
  /** In the thread's mailbox; the first is in its hands. */
  readonly #pending: Pending<Task, Result>[] = [];
  readonly #idle: NodeJS.Timeout | undefined;
  readonly #on: ThreadEvents;
  /** Fulfilled when it has loaded its script, or failed to. */
  readonly #loaded: Promise<void>;
  /** Ends the time of the task in its hands. */
  #limit: NodeJS.Timeout | undefined;

  constructor(config: ThreadConfig, events: ThreadEvents) {
    this.#config = config;
    this.#on = events;
    const { script, data, idleMs } = config;
    this.#worker = new Worker(script, { workerData: data, execArgv: [] });
    this.#worker.unref();
    this.#loaded = new Promise((resolve) => {
      for (const event of ["message", "error", "exit"]) this.#worker.once(event, () => resolve());
    });
    this.#worker.on("message", (answer: Answer<Result>) => this.#finish(answer));
    this.#worker.on("error", (error) => this.end(messageOf(error)));
    this.#worker.on("exit", (code) => {
      void this.end(`exit code ${code}`);
      this.#on.onExit();
    });
    if (idleMs !== undefined) this.#idle = setTimeout(() => this.#rest(), idleMs).unref();
  }

  /** The number of its tasks that are not finished. */
  get load(): number {
    return this.#pending.length;
  }

  /** Gives it a task. */
  take(pending: Pending<Task, Result>): void {
    try {
      this.#worker.postMessage(pending.task, pending.transfer);
    } catch (error) {
      pending.reject(error); // cannot be copied
      return;
    }
    this.#pending.push(pending);
    this.#worker.ref();
    if (this.#pending.length === 1) this.#watch();
  }

  /** Shortens the time of a task that was dropped, if it is in the thread's hands. */
  hurry(dropped: Pending<Task, Result>): void {
    if (this.#pending[0] === dropped) this.#watch();
  }

  /**
   * Ends it; what it has not finished fails. A thread that still loads its script is ended afterwards: to end it while
   * it loads native code would end the process.
   */
  async end(reason: string): Promise<void> {
    clearTimeout(this.#idle);
    clearTimeout(this.#limit);
    this.#on.onEnd();
    const unfinished = this.#pending.splice(0);
    for (const { reject } of unfinished) reject(new ThreadEnded(reason));
    if (unfinished.length > 0) this.#on.onTaskEnd();
    await this.#loaded;
    await this.#worker.terminate();
  }

  #finish(answer: Answer<Result>): void {
    if ("loaded" in answer) return;
    const done = this.#pending.shift();
    if (!done) return; // given up at the last moment
    if ("error" in answer) done.reject(revive(answer.error));
    else done.resolve(answer.result);
    this.#idle?.refresh();
    this.#watch();
    if (this.#pending.length === 0) this.#worker.unref();
    this.#on.onTaskEnd();
  }

  /** Starts the time of the task in its hands, if there is one. */
  #watch(): void {
    clearTimeout(this.#limit);
    const { maxTaskMs, maxAbortedMs = maxTaskMs } = this.#config;
    const [task] = this.#pending;
    if (!task || maxTaskMs === undefined) return;
    const ms = task.isDropped ? Math.min(maxAbortedMs!, maxTaskMs) : maxTaskMs;
    this.#limit = setTimeout(() => this.#giveUp(ms), ms);
  }

  #giveUp(ms: number): void {
    this.#pending.shift()!.reject(new TaskTimeout("running", ms));
    void this.end("a task before it took too long");
    this.#on.onGiveUp();
    this.#on.onTaskEnd();
  }

  #rest(): void {
    if (this.#pending.length === 0) void this.end("it had no work");
    else this.#idle?.refresh();
  }
}
