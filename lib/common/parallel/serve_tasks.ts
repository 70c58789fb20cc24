// The thread's side of a pool: tasks in, answers out. Errors lose their class on the way: it is given back to them.
import { on } from "node:events";
import { parentPort } from "node:worker_threads";
import { UserError } from "../errors";

/** A thread's answer to a task; before the first one it says that it has loaded its script. */
export type Answer<Result> = { result: Result } | { error: DescribedError } | typeof LOADED;

/** The first message of a thread. */
const LOADED = { loaded: true } as const;

/** An error on its way from thread to thread. */
interface DescribedError {
  name: string;
  what: string;
  next: string | undefined;
  stack: string | undefined;
}

/**
 * Does the tasks that come to this thread one after the other, until the thread is ended.
 * @param transferOf the memory of a result that is given away with it; none if omitted
 */
export async function serveTasks<Task, Result>(
  work: (task: Task) => Result | Promise<Result>,
  transferOf: (result: Result) => ArrayBuffer[] = () => [],
): Promise<void> {
  const tasks = on(parentPort!, "message");
  parentPort!.postMessage(LOADED);
  for await (const [task] of tasks) {
    const answer = await answerTo(work, task as Task);
    parentPort!.postMessage(answer, "result" in answer ? transferOf(answer.result) : []);
  }
}

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

function describe(error: unknown): DescribedError {
  if (!(error instanceof Error))
    return { name: "Error", what: String(error), next: undefined, stack: undefined };
  const next = error instanceof UserError ? error.next : undefined;
  const what = next ? error.message.slice(0, -`\n  Next: ${next}`.length) : error.message;
  return { name: error.name, what, next, stack: error.stack };
}

/** Returns the error that a thread described. */
export function revive({ name, what, next, stack }: DescribedError): Error {
  const error = name === "UserError" ? new UserError(what, next) : new Error(what);
  if (stack) error.stack = stack;
  return error;
}
