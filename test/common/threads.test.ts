// The pool of worker threads.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { UserError } from "guie/dist/common/errors";
import { clearInterrupt, requestInterrupt } from "guie/dist/common/interrupt";
import { mapConcurrently } from "guie/dist/common/parallel/concurrent";
import { Threads, type ThreadsConfig } from "guie/dist/common/parallel/threads";
import { temporaryFolder, writeFile } from "../folders";

/** A script that squares numbers; other tasks make it fail. */
const SCRIPT = `
const { workerData, threadId } = require("node:worker_threads");
const { serveTasks } = require(workerData.tasks);
const { UserError } = require(workerData.errors);
serveTasks(async (n) => {
  if (n === "refused") throw new UserError("no " + n, "take another");
  if (n === "bug") null.property;
  if (n === "exit") process.exit(3);
  while (n === "stuck"); // for ever
  return { square: n * n, threadId };
});
`;

type Square = { square: number; threadId: number };

function squarer(t: TestContext, most = 3, options: Partial<ThreadsConfig> = {}): Threads<unknown, Square> {
  const script = join(temporaryFolder(t), "square.js");
  writeFile(script, SCRIPT);
  const data = {
    tasks: require.resolve("guie/dist/common/parallel/serve_tasks"),
    errors: require.resolve("guie/dist/common/errors"),
  };
  const pool = new Threads<unknown, Square>({ script, data, most, ...options });
  t.after(() => pool.close());
  return pool;
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

test("several threads run every task once, and each result belongs to its task", async (t) => {
  const pool = squarer(t);
  const results = await Promise.all(numbers(1000).map((n) => pool.run(n)));
  assert.deepEqual(
    results.map(({ square }) => square),
    numbers(1000).map((n) => n * n),
  );
  assert.equal(new Set(results.map(({ threadId }) => threadId)).size, 3);
});

test("no more threads are started than there are tasks, and tasks begin in the order of the calls", async (t) => {
  const pool = squarer(t);
  const first = await pool.run(1);
  assert.deepEqual(await pool.run(2), { square: 4, threadId: first.threadId });
  const alone = squarer(t, 1);
  const order: number[] = [];
  await Promise.all(numbers(50).map((n) => alone.run(n).then(() => order.push(n))));
  assert.deepEqual(order, numbers(50));
});

test("an error of a thread keeps its class and message, and the thread goes on", async (t) => {
  const pool = squarer(t, 1);
  const { threadId } = await pool.run(1);
  await assert.rejects(pool.run("refused"), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.message, "no refused\n  Next: take another");
    return true;
  });
  await assert.rejects(pool.run("bug"), /Cannot read properties of null/);
  await assert.rejects(
    pool.run(() => 0),
    /could not be cloned/,
  );
  assert.deepEqual(await pool.run(3), { square: 9, threadId });
});

test("a thread that ends fails its tasks, and another one runs the rest", async (t) => {
  const pool = squarer(t, 1);
  const { threadId } = await pool.run(1);
  const tasks = ["exit", ...numbers(9)].map((task) => pool.run(task));
  const ends = (await Promise.allSettled(tasks)).map((end) =>
    end.status === "rejected" ? String(end.reason) : end.value.square,
  );
  const lost = "Error: A worker thread ended: exit code 3.";
  assert.deepEqual(ends, [lost, lost, lost, lost, 9, 16, 25, 36, 49, 64]);
  assert.notEqual((await pool.run(1)).threadId, threadId);
});

test("a thread without work ends after its time; the next task starts another", async (t) => {
  const pool = squarer(t, 1, { idleMs: 50 });
  const { threadId } = await pool.run(1);
  await wait(200);
  assert.notEqual((await pool.run(1)).threadId, threadId);
});

test("a task that takes too long is given up, its thread replaced; the time of each task begins when it is begun", async (t) => {
  const pool = squarer(t, 1, { maxTaskMs: 300, tasksPerThread: 2, startsEarly: true });
  const [stuck, behind, next] = ["stuck", 2, 3].map((task) => pool.run(task));
  await assert.rejects(stuck!, { message: "A worker thread's task was given up after 0.3 s (running)." });
  await assert.rejects(behind!, { message: "A worker thread ended: a task before it took too long." });
  assert.equal((await next!).square, 9);
  assert.equal(pool.load.givenUp, 1);
});

test("a task that waits too long, or is dropped, is never begun; urgent ones go first", async (t) => {
  const pool = squarer(t, 1, { maxTaskMs: 20_000, maxAbortedMs: 400, maxWaitMs: 200, tasksPerThread: 1 });
  await pool.run(1);
  const drop = new AbortController();
  const stuck = pool.run("stuck", { signal: drop.signal });
  await assert.rejects(pool.run(2), {
    message: "A worker thread's task was given up after 0.2 s (waiting).",
  });
  const order: string[] = [];
  const mark = (name: string) => () => order.push(name);
  const ends = Promise.allSettled([
    pool.run(3).then(mark("plain"), mark("plain")),
    pool.run(4, { isUrgent: true }).then(mark("urgent"), mark("urgent")),
    pool.run("exit", { signal: drop.signal }).catch(mark("dropped")),
  ]);
  assert.deepEqual(pool.load, { waiting: 3, underWay: 1, givenUp: 0, ending: 0 });
  drop.abort(new Error("nobody waits"));
  await assert.rejects(stuck, /nobody waits/);
  assert.equal(pool.load.waiting, 2);
  await ends;
  assert.equal(order[0], "dropped");
  await assert.rejects(pool.run(5, { signal: drop.signal }), /nobody waits/);
});

test("idle threads are replaced by new ones", async (t) => {
  const pool = squarer(t, 1, { startsEarly: true });
  const { threadId } = await pool.run(1);
  pool.replaceIdle();
  assert.notEqual((await pool.run(1)).threadId, threadId);
});

test("a script that cannot start says so to every task", async () => {
  const pool = new Threads({ script: "/none/such.js", data: {}, most: 2 });
  const tasks = numbers(20).map((n) => assert.rejects(pool.run(n), /thread ended: Cannot find module/));
  await Promise.all(tasks);
});

test("close fails unfinished tasks", async (t) => {
  const pool = squarer(t, 1);
  const tasks = numbers(10).map((n) => assert.rejects(pool.run(n), /closed/));
  await pool.close();
  await Promise.all(tasks);
});

test("Interrupt: no further task begins", async (t) => {
  t.after(clearInterrupt);
  const pool = squarer(t);
  let done = 0;
  const squares = mapConcurrently(numbers(10_000), pool.capacity, async (n) => {
    await pool.run(n);
    if (++done === 50) requestInterrupt();
  });
  await assert.rejects(squares, { name: "Interrupted" });
  assert.ok(done <= 50 + 2 * pool.capacity, `${done}`);
});

test("a thread that still loads its script is ended afterwards: native code is never interrupted while it loads", async (t) => {
  const folder = temporaryFolder(t);
  const [script, loaded] = [join(folder, "slow.js"), join(folder, "loaded")];
  const load = `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
require("node:fs").writeFileSync(require("node:worker_threads").workerData.loaded, "");`;
  writeFile(script, load + SCRIPT);
  const modules = { tasks: "guie/dist/common/parallel/serve_tasks", errors: "guie/dist/common/errors" };
  const data = {
    loaded,
    ...Object.fromEntries(Object.entries(modules).map(([name, id]) => [name, require.resolve(id)])),
  };
  await new Threads({ script, data, most: 1, startsEarly: true }).close();
  assert.ok(existsSync(loaded));
});
