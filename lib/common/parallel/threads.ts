// The pool of worker threads that run one script. A library's pool was tried: see "One pool of threads" in LOG.md.
import { type Pending, PoolThread, TaskTimeout, type ThreadConfig } from "./pool_thread";

/** Settings of a pool: script, number of threads, time limits. */
export interface ThreadsConfig extends ThreadConfig {
  /** The most threads at a time; each is started when it is needed. */
  most: number;
  /** Starts all threads at once, and a new one for each that is given up or replaced. */
  startsEarly?: boolean;
  /** Tasks in a thread's mailbox, so that it need not wait for the main thread between two tasks. 4 if omitted. */
  tasksPerThread?: number;
  /** Longest time that a task waits for a thread before it fails with TaskTimeout. */
  maxWaitMs?: number;
  /** Called when a task has ended or was given up. */
  onTaskEnd?(): void;
}

/** Options of a task. */
export interface TaskOptions {
  /** Memory to transfer to the thread instead of copying it. */
  transfer?: ArrayBuffer[];
  /** Runs the task before all that are not urgent. */
  isUrgent?: boolean;
  /** Drops the task when aborted: the reason is thrown, and a waiting task never begins. */
  signal?: AbortSignal | undefined;
}

const TASKS_PER_THREAD = 4;

/**
 * Threads that run tasks, begun in the order of the calls. Idle threads do not keep the process alive. A thread whose
 * task takes too long is replaced at once, but may take a while to end: native code cannot be ended from outside.
 */
export class Threads<Task, Result> {
  readonly #config: ThreadsConfig;
  readonly #tasksPerThread: number;
  readonly #threads = new Set<PoolThread<Task, Result>>();
  /** Threads that take no more tasks and have not ended yet. */
  readonly #ending = new Set<PoolThread<Task, Result>>();
  readonly #queue: Pending<Task, Result>[] = [];
  #givenUp = 0;

  constructor(config: ThreadsConfig) {
    this.#config = config;
    this.#tasksPerThread = config.tasksPerThread ?? TASKS_PER_THREAD;
    this.#startEarly();
  }

  /** The number of concurrent tasks that keeps all threads busy; further tasks only fill the queue. */
  get capacity(): number {
    return this.#tasksPerThread * this.#config.most;
  }

  /** Tasks that wait for a thread, threads at work, threads that were given up, and threads that have not ended yet. */
  get load(): { waiting: number; underWay: number; givenUp: number; ending: number } {
    return {
      waiting: this.#queue.length,
      underWay: [...this.#threads].filter((thread) => thread.load > 0).length,
      givenUp: this.#givenUp,
      ending: this.#ending.size,
    };
  }

  /**
   * Has a task done.
   * @param task is copied to the thread, but for memory that is shared or transferred
   * @throws what the script threw; ThreadEnded where the thread ends, or cannot start, before the task is done;
   *   TaskTimeout; the reason of an aborted signal
   */
  run(task: Task, { transfer = [], isUrgent = false, signal }: TaskOptions = {}): Promise<Result> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const state = { isDropped: false, waiting: undefined };
      const pending: Pending<Task, Result> = { task, transfer, isUrgent, resolve, reject, ...state };
      const { maxWaitMs } = this.#config;
      if (maxWaitMs !== undefined) {
        pending.waiting = setTimeout(
          () => this.#drop(pending, new TaskTimeout("waiting", maxWaitMs)),
          maxWaitMs,
        );
      }
      signal?.addEventListener("abort", () => this.#drop(pending, signal.reason), { once: true });
      const place = isUrgent ? this.#queue.findIndex((other) => !other.isUrgent) : -1;
      this.#queue.splice(place < 0 ? this.#queue.length : place, 0, pending);
      this.#sendTasks();
    });
  }

  /** Ends the threads without work, with all the memory that they keep. */
  replaceIdle(): void {
    for (const thread of this.#threads) if (thread.load === 0) void thread.end("it had no work");
    this.#startEarly();
  }

  /** Ends the threads; what they have not finished fails. A later task starts others. */
  async close(): Promise<void> {
    for (const pending of this.#queue.splice(0)) {
      clearTimeout(pending.waiting);
      pending.reject(new Error("The threads were closed."));
    }
    await Promise.all([...this.#threads, ...this.#ending].map((thread) => thread.end("it was closed")));
  }

  /** Fails a task that nobody waits for any more. */
  #drop(pending: Pending<Task, Result>, reason: unknown): void {
    clearTimeout(pending.waiting);
    pending.isDropped = true;
    const place = this.#queue.indexOf(pending);
    if (place >= 0) this.#queue.splice(place, 1);
    for (const thread of this.#threads) thread.hurry(pending);
    pending.reject(reason);
  }

  #sendTasks(): void {
    while (this.#queue.length > 0) {
      const thread = this.#findThread();
      if (!thread) return;
      const pending = this.#queue.shift()!;
      clearTimeout(pending.waiting);
      thread.take(pending);
    }
  }

  /** One without work, else a new one, else the one with the shortest mailbox; undefined if all are full. */
  #findThread(): PoolThread<Task, Result> | undefined {
    let best: PoolThread<Task, Result> | undefined;
    for (const thread of this.#threads) if (!best || thread.load < best.load) best = thread;
    if (best?.load === 0) return best;
    return this.#start() ?? (best && best.load < this.#tasksPerThread ? best : undefined);
  }

  #startEarly(): void {
    if (this.#config.startsEarly) while (this.#start());
  }

  /** Starts one more, unless there are enough: also in the place of one that has ended or is about to. */
  #start(): PoolThread<Task, Result> | undefined {
    const { most } = this.#config;
    const all = this.#threads.size + this.#ending.size;
    if (this.#threads.size >= most || all >= 2 * most) return undefined;
    const thread = new PoolThread<Task, Result>(this.#config, {
      onTaskEnd: () => {
        this.#config.onTaskEnd?.();
        this.#sendTasks();
      },
      onGiveUp: () => {
        this.#givenUp++;
        this.#startEarly();
      },
      onEnd: () => {
        if (this.#threads.delete(thread)) this.#ending.add(thread);
        this.#sendTasks();
      },
      onExit: () => {
        this.#ending.delete(thread);
        this.#sendTasks();
      },
    });
    this.#threads.add(thread);
    return thread;
  }
}
