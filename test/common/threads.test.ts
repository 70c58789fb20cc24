import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { UserError } from "guie/dist/common/errors";
import { clearInterrupt, requestInterrupt } from "guie/dist/common/interrupt";
import { Threads } from "guie/dist/common/threads";
import { temporaryFolder, writeFile } from "../folders";

/** Squares a number; refuses what is named in `workerData`. */
const SCRIPT = `
const { workerData, threadId } = require("node:worker_threads");
const { serveTasks } = require(workerData.threads);
const { UserError } = require(workerData.errors);
serveTasks(async (n) => {
  if (n === workerData.refused) throw new UserError("no " + n, "take another");
  if (n === workerData.bug) null.property;
  return { square: n * n, threadId };
});
`;

async function square(
  t: Parameters<typeof temporaryFolder>[0],
  count: number,
  {
    threads = 3,
    onResult = (_: number) => {},
    ...faults
  }: Record<string, unknown> & {
    threads?: number;
    onResult?: (index: number) => void;
  } = {},
) {
  const script = join(temporaryFolder(t), "square.js");
  writeFile(script, SCRIPT);
  const modules = {
    threads: require.resolve("guie/dist/common/threads"),
    errors: require.resolve("guie/dist/common/errors"),
  };
  const results = new Map<number, { square: number; threadId: number }>();
  const pool = new Threads<number, { square: number; threadId: number }>(
    script,
    { ...modules, ...faults },
    threads,
  );
  t.after(() => pool.close());
  await pool.run({
    count,
    taskOf: (index) => index,
    onResult: (index, result) => {
      results.set(index, result);
      onResult(index);
    },
  });
  return results;
}

test("every task is done once, by several threads, and each result belongs to its task", async (t) => {
  const results = await square(t, 1000);
  assert.equal(results.size, 1000);
  for (const [index, result] of results) assert.equal(result.square, index ** 2);
  assert.ok(new Set([...results.values()].map(({ threadId }) => threadId)).size > 1);
});

test("one task, or none", async (t) => {
  assert.equal((await square(t, 1)).get(0)?.square, 0);
  assert.equal((await square(t, 0)).size, 0);
});

test("an error of a thread keeps its class and words, and what came before it counts", async (t) => {
  const seen: number[] = [];
  const run = square(t, 1000, { threads: 1, refused: 100, onResult: (index) => seen.push(index) });
  await assert.rejects(run, (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.message, "no 100\n  Next: take another");
    return true;
  });
  assert.deepEqual(
    seen.slice(0, 100),
    Array.from({ length: 100 }, (_, i) => i),
  );
  assert.ok(seen.length < 120, `${seen.length}`); // what was in the mailbox, and no more
  await assert.rejects(square(t, 10, { bug: 5 }), /Cannot read properties of null/);
});

test("a script that cannot start says so", async () => {
  const pool = new Threads("/none/such.js", {}, 2);
  await assert.rejects(pool.run({ count: 4, taskOf: () => 0, onResult: () => {} }), /Cannot find module/);
});

test("Interrupt: nothing new is begun", async (t) => {
  t.after(clearInterrupt);
  let done = 0;
  const onResult = () => {
    if (++done === 50) requestInterrupt();
  };
  await assert.rejects(square(t, 10_000, { onResult }), { name: "Interrupted" });
  assert.ok(done < 200, `${done}`);
});
