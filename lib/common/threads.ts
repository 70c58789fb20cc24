// A pool of worker threads that run one script. For libraries that were tried, see "One pool of threads" in LOG.md.
import { on } from "node:events";
import { parentPort, Worker } from "node:worker_threads";
import { messageOf, UserError } from "./errors";

/** Settings of a pool of threads. */
export interface ThreadsConfig {
  /** Absolute path of the threads' script, which calls `serveTasks`. */
  script: string;
  /** The threads' `workerData`. */
  data: unknown;
  /** The most threads at a time; each is started when it is needed. */
  most: number;
  /** Idle time after which a thread exits; if omitted, threads live until `close`. */
  idleMs?: number;
}

/** Tasks in a thread's mailbox, so that the thread need not wait for the main thread between two tasks. */
const TASKS_PER_THREAD = 4;

/** A task that is not finished, with the functions that settle its promise. */
interface Pending<Task, Result> {
  task: Task;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** Threads that run tasks, begun in the order of the calls. Idle threads do not keep the process alive. */
export class Threads<Task, Result> {
  readonly #config: ThreadsConfig;
  readonly #threads = new Set<Thread<Task, Result>>();
  readonly #queue: Pending<Task, Result>[] = [];

  constructor(config: ThreadsConfig) {
    this.#config = config;
  }

  /** The number of concurrent tasks that keeps all threads busy; further tasks only fill the queue. */
  get capacity(): number {
    return TASKS_PER_THREAD * this.#config.most;
  }

  /**
   * Runs a task in a thread.
   * @param task copied to the thread, except shared memory
   * @throws the script's error; Error if the thread ends, or cannot start, before the task is done
   */
  run(task: Task): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ task, resolve, reject });
      this.#sendTasks();
    });
  }

  /** Ends the threads; unfinished tasks fail. A later task starts new threads. */
  async close(): Promise<void> {
    for (const { reject } of this.#queue.splice(0)) reject(new Error("The threads were closed."));
    await Promise.all([...this.#threads].map((thread) => thread.end("it was closed")));
  }

  #sendTasks(): void {
    while (this.#queue.length > 0) {
      const thread = this.#findThread();
      if (!thread) return;
      thread.send(this.#queue.shift()!);
    }
  }

  /** Returns an idle thread, else a new one, else the one with the shortest mailbox; undefined if all are full. */
  #findThread(): Thread<Task, Result> | undefined {
    let best: Thread<Task, Result> | undefined;
    for (const thread of this.#threads) if (!best || thread.load < best.load) best = thread;
    if ((best?.load ?? 1) > 0 && this.#threads.size < this.#config.most) return this.#start();
    return best && best.load < TASKS_PER_THREAD ? best : undefined;
  }

  #start(): Thread<Task, Result> {
    const thread = new Thread<Task, Result>(this.#config, {
      onDone: () => this.#sendTasks(),
      onEnd: () => {
        this.#threads.delete(thread);
        this.#sendTasks();
      },
    });
    this.#threads.add(thread);
    return thread;
  }
}

/** One thread, which runs its tasks one after the other. */
class Thread<Task, Result> {
  readonly #worker: Worker;
  /** Tasks in the thread's mailbox and the one that it runs. */
  readonly #pending: Pending<Task, Result>[] = [];
  readonly #idle: NodeJS.Timeout | undefined;
  readonly #on: { onDone(): void; onEnd(): void };

  constructor({ script, data, idleMs }: ThreadsConfig, listeners: { onDone(): void; onEnd(): void }) {
    this.#on = listeners;
    this.#worker = new Worker(script, { workerData: data, execArgv: [] });
    this.#worker.unref();
    this.#worker.on("message", (answer: Answer<Result>) => this.#finish(answer));
    this.#worker.on("error", (error) => this.end(messageOf(error)));
    this.#worker.on("exit", (code) => this.end(`exit code ${code}`));
    if (idleMs !== undefined) this.#idle = setTimeout(() => this.#rest(), idleMs).unref();
  }

  /** Number of unfinished tasks. */
  get load(): number {
    return this.#pending.length;
  }

  send(pending: Pending<Task, Result>): void {
    try {
      this.#worker.postMessage(pending.task);
    } catch (error) {
      pending.reject(error); // cannot be copied
      return;
    }
    this.#pending.push(pending);
    this.#worker.ref();
  }

  /** Ends the thread; its unfinished tasks fail. */
  async end(reason: string): Promise<void> {
    clearTimeout(this.#idle);
    this.#on.onEnd();
    for (const { reject } of this.#pending.splice(0)) reject(new Error(`A worker thread ended: ${reason}.`));
    await this.#worker.terminate();
  }

  #finish(answer: Answer<Result>): void {
    const { resolve, reject } = this.#pending.shift()!;
    if ("error" in answer) reject(revive(answer.error));
    else resolve(answer.result);
    this.#idle?.refresh();
    if (this.#pending.length === 0) this.#worker.unref();
    this.#on.onDone();
  }

  #rest(): void {
    if (this.#pending.length === 0) void this.end("it had no work");
    else this.#idle?.refresh();
  }
}

/** Runs arriving tasks one after the other inside a thread, until the thread is ended. */
export async function serveTasks<Task, Result>(
  work: (task: Task) => Result | Promise<Result>,
): Promise<void> {
  for await (const [task] of on(parentPort!, "message")) {
    parentPort!.postMessage(await answerTo(work, task as Task));
  }
}

/** A thread's answer to a task. */
type Answer<Result> = { result: Result } | { error: DescribedError };

async function answerTo<Task, Result>(
  work: (task: Task) => Result | Promise<Result>,
  task: Task,
): Promise<Answer<Result>> {
  try {
    return { result: await work(task) };
  } catch (error) {
    return { error: describe(error) };
  }
}

/** An error as it is sent between threads, which would lose its class. */
interface DescribedError {
  name: string;
  what: string;
  next: string | undefined;
  stack: string | undefined;
}

function describe(error: unknown): DescribedError {
  if (!(error instanceof Error))
    return { name: "Error", what: String(error), next: undefined, stack: undefined };
  const next = error instanceof UserError ? error.next : undefined;
  const what = next ? error.message.slice(0, -`\n  Next: ${next}`.length) : error.message;
  return { name: error.name, what, next, stack: error.stack };
}

function revive({ name, what, next, stack }: DescribedError): Error {
  const error = name === "UserError" ? new UserError(what, next) : new Error(what);
  if (stack) error.stack = stack;
  return error;
}
