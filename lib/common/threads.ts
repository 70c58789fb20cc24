// Work on many items in worker threads: each takes a few at a time, the next few wait in its mailbox.
import { on } from "node:events";
import { parentPort, Worker } from "node:worker_threads";
import { UserError } from "./errors";
import { breathe } from "./interrupt";

/** What a thread answers to a batch: the results before the error, if there is one. */
interface Answer<Result> {
  results: Result[];
  error?: { name: string; what: string; next: string | undefined; stack: string | undefined };
}

/** Tasks, and what becomes of their results. */
export interface ThreadTasks<Task, Result> {
  count: number;
  /** The tasks, 0..count - 1; asked for when needed. */
  taskOf(index: number): Task;
  onResult(index: number, result: Result): void;
}

const MOST_PER_BATCH = 8;
const BATCHES_AHEAD = 2;

/** Threads that run one script; started when they are first needed. While idle they do not keep the process alive. */
export class Threads<Task, Result> {
  readonly #script: string;
  readonly #data: unknown;
  readonly #most: number;
  readonly #workers: Worker[] = [];

  /**
   * @param script absolute path of the threads' script, which calls `serveTasks`
   * @param data their `workerData`
   * @param most how many threads
   */
  constructor(script: string, data: unknown, most: number) {
    this.#script = script;
    this.#data = data;
    this.#most = most;
  }

  /**
   * Does all tasks. When one fails, or Interrupt is pressed, nothing new is begun, what the threads hold is waited
   * for, and the first error is thrown. One call at a time.
   */
  async run({ count, taskOf, onResult }: ThreadTasks<Task, Result>): Promise<void> {
    const workers = this.#start(Math.min(this.#most, count));
    const errors: unknown[] = [];
    let next = 0;
    /** Smaller towards the end, so that all threads end together. */
    const takeBatch = () => {
      if (errors.length > 0) return [];
      const size = Math.min(MOST_PER_BATCH, Math.ceil((count - next) / (4 * workers.length)));
      const batch = Array.from({ length: size }, (_, i) => next + i);
      next += size;
      return batch;
    };
    const serve = async (worker: Worker) => {
      const batches: number[][] = [];
      const send = () => {
        const batch = takeBatch();
        if (batch.length === 0) return;
        batches.push(batch);
        worker.postMessage(batch.map(taskOf));
      };
      const answers = on(worker, "message", { close: ["exit"] }); // throws the error that ends the thread
      for (let i = 0; i < BATCHES_AHEAD; i++) send();
      while (batches.length > 0) {
        const { done, value } = await answers.next();
        if (done) throw new Error("A worker thread ended before its work was done.");
        const answer = value[0] as Answer<Result>;
        const batch = batches.shift()!;
        try {
          for (const [i, result] of answer.results.entries()) onResult(batch[i]!, result);
          if (answer.error) throw revive(answer.error);
          await breathe();
        } catch (error) {
          errors.push(error);
        }
        send();
      }
      await answers.return?.();
    };
    const lost = async (error: unknown) => {
      errors.push(error);
      await this.close();
    };
    await Promise.all(workers.map((worker) => serve(worker).catch(lost)));
    for (const worker of workers) worker.unref();
    if (errors.length > 0) throw errors[0];
  }

  /** Ends the threads; a later run starts others. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }

  #start(count: number): Worker[] {
    while (this.#workers.length < count) {
      this.#workers.push(new Worker(this.#script, { workerData: this.#data, execArgv: [] }));
    }
    const workers = this.#workers.slice(0, count);
    for (const worker of workers) worker.ref();
    return workers;
  }
}

/** In a thread: answers the posted tasks one after the other, until the thread is ended. */
export async function serveTasks<Task, Result>(work: (task: Task) => Promise<Result>): Promise<void> {
  for await (const [tasks] of on(parentPort!, "message")) {
    const answer: Answer<Result> = { results: [] };
    try {
      for (const task of tasks as Task[]) answer.results.push(await work(task));
    } catch (error) {
      answer.error = describe(error);
    }
    parentPort!.postMessage(answer);
  }
}

/** Errors lose their class on the way from thread to thread. */
function describe(error: unknown): NonNullable<Answer<unknown>["error"]> {
  if (!(error instanceof Error))
    return { name: "Error", what: String(error), next: undefined, stack: undefined };
  const next = error instanceof UserError ? error.next : undefined;
  const what = next ? error.message.slice(0, -`\n  Next: ${next}`.length) : error.message;
  return { name: error.name, what, next, stack: error.stack };
}

function revive({ name, what, next, stack }: NonNullable<Answer<unknown>["error"]>): Error {
  const error = name === "UserError" ? new UserError(what, next) : new Error(what);
  if (stack) error.stack = stack;
  return error;
}
